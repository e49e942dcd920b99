--- Tells the server what became of its suggestions: seen, taken in part or whole, turned down.
local text = require("polypilot.text")

local M = {}

local SHOWN = "textDocument/didShowCompletion"
local TAKEN = "textDocument/didPartiallyAcceptCompletion"
local DISMISSED = "polypilot.dismissed"
local KEPT = 64

---@type table<string, boolean> the suggestions that were told of as shown
local seen = {}
local count = 0

---@param offer polypilot.Offer
---@return any id nil for one that the server can't know again
local function identity(offer)
  local arguments = offer.item.command and offer.item.command.arguments
  return type(arguments) == "table" and arguments[1] or nil
end

local function server_of(client_id)
  local server = vim.lsp.get_client_by_id(client_id)
  return server and not server:is_stopped() and server or nil
end

--- It is on the screen; told once, however often it is drawn.
---@param offer polypilot.Offer
---@param client_id integer
function M.shown(offer, client_id)
  local id = identity(offer)
  local key = ("%d %s"):format(client_id, tostring(id))
  local server = server_of(client_id)
  if id == nil or seen[key] or not server then
    return
  end
  if count >= KEPT then
    seen, count = {}, 0
  end
  seen[key], count = true, count + 1
  server:notify(SHOWN, { item = offer.item })
end

--- Its beginning is in the buffer.
---@param offer polypilot.Offer
---@param client_id integer
---@param bytes integer how much of `offer.text`
function M.taken(offer, client_id, bytes)
  local server = server_of(client_id)
  if identity(offer) ~= nil and server then
    local length = text.accepted_length(offer.item.insertText, bytes)
    server:notify(TAKEN, { item = offer.item, acceptedLength = length })
  end
end

---@param command lsp.Command
local function run(command, client_id, bufnr)
  local server = server_of(client_id)
  if server then
    -- Its outcome is the server's own business; nothing to show.
    server:exec_cmd(command, { bufnr = bufnr }, function() end)
  end
end

--- All of it is in the buffer.
---@param offer polypilot.Offer
---@param client_id integer
---@param bufnr integer
function M.accepted(offer, client_id, bufnr)
  if offer.item.command then
    run(offer.item.command, client_id, bufnr)
  end
end

--- The user has sent it away.
---@param offer polypilot.Offer
---@param client_id integer
---@param bufnr integer
function M.dismissed(offer, client_id, bufnr)
  local server = server_of(client_id)
  local provider = server and server.server_capabilities.executeCommandProvider
  if identity(offer) ~= nil and provider and vim.list_contains(provider.commands, DISMISSED) then
    local command = { title = "", command = DISMISSED, arguments = { identity(offer) } }
    run(command, client_id, bufnr)
  end
end

return M
