--- Suggestions as entries of a completion plugin's menu: what its sources (blink, cmp) share.
local client = require("polypilot.client")
local offers = require("polypilot.offer")
local outcome = require("polypilot.outcome")
local status = require("polypilot.status")
local text = require("polypilot.text")
local util = require("polypilot.util")

local api = vim.api
local METHOD = "textDocument/inlineCompletion"
local AUTOMATIC = 2
local LABEL_CELLS = 60
local TEXT, PLAIN, AS_IS = 1, 1, 1 -- CompletionItemKind, InsertTextFormat, InsertTextMode

local M = {}

--- After these a menu asks without a word having been begun.
M.triggers = { ".", "(", "[", "{", "=", ",", ":" }

---@class polypilot.MenuPlace
---@field bufnr integer
---@field row integer from 0
---@field column integer the cursor's byte, from 0

---@param bufnr integer
---@return boolean wanted whether suggestions come by themselves here
function M.wanted(bufnr)
  return client.attached(bufnr) ~= nil
    and not status.paused()
    and vim.g.polypilot_enabled ~= false
    and vim.b[bufnr].polypilot_enabled ~= false
end

local function documentation(offer, bufnr)
  local longest = 2
  for run in offer.text:gmatch("`+") do
    longest = math.max(longest, #run)
  end
  local fence = ("`"):rep(longest + 1)
  local code = ("%s%s\n%s\n%s"):format(fence, vim.bo[bufnr].filetype, offer.text, fence)
  return { kind = "markdown", value = util.clean(code) }
end

--- An entry; positions in it are bytes.
---@param offer polypilot.Offer
---@param place polypilot.MenuPlace
---@param server vim.lsp.Client
local function entry(offer, place, server)
  local line = api.nvim_buf_get_lines(place.bufnr, place.row, place.row + 1, false)[1] or ""
  local word = line:sub(1, place.column):match("[%w_\128-\255]*$")
  local first = vim.trim(offer.text:match("[^\n]*%S[^\n]*") or "")
  local label = util.clean(vim.fn.strcharpart(first, 0, LABEL_CELLS))
  return {
    label = label ~= "" and label or "⏎",
    kind = TEXT,
    detail = "Polypilot",
    documentation = documentation(offer, place.bufnr),
    sortText = "!",
    -- Menus compare it with the word at the cursor, which the suggestion goes on with.
    filterText = word .. first,
    insertTextFormat = PLAIN,
    insertTextMode = AS_IS, -- it is indented already
    textEdit = {
      newText = offer.text,
      range = {
        start = { line = place.row, character = offer.column },
        ["end"] = { line = place.row, character = #line - #offer.tail },
      },
    },
    data = { polypilot = { client_id = server.id, bufnr = place.bufnr, item = offer.item } },
  }
end

--- Asks for what fits at a place.
---@param place polypilot.MenuPlace
---@param callback fun(items: table[]) called once, unless it is cancelled
---@return fun() cancel
function M.ask(place, callback)
  local server = client.attached(place.bufnr)
  if not server or not M.wanted(place.bufnr) then
    callback({})
    return function() end
  end
  local line = api.nvim_buf_get_lines(place.bufnr, place.row, place.row + 1, false)[1] or ""
  local params = {
    textDocument = { uri = vim.uri_from_bufnr(place.bufnr) },
    position = {
      line = place.row,
      character = text.character(line, server.offset_encoding, place.column),
    },
    context = { triggerKind = AUTOMATIC },
  }
  local tick = api.nvim_buf_get_changedtick(place.bufnr)
  local over = false
  local _, id = server:request(METHOD, params, function(_, result)
    if over then
      return
    end
    over = true
    local items = {}
    local same = api.nvim_buf_is_valid(place.bufnr)
      and api.nvim_buf_get_changedtick(place.bufnr) == tick
    for _, item in ipairs(same and type(result) == "table" and (result.items or result) or {}) do
      local offer =
        offers.new(item, place.bufnr, place.row, place.column, server.offset_encoding)
      if offer then
        items[#items + 1] = entry(offer, place, server)
      end
    end
    callback(items)
  end, place.bufnr)
  return function()
    if not over and id and not server:is_stopped() then
      server:cancel_request(id)
    end
    over = true
  end
end

--- Tells the server that an entry was taken.
---@param item table as `ask` gave it
function M.taken(item)
  local ours = type(item.data) == "table" and item.data.polypilot
  if ours then
    outcome.accepted({ item = ours.item }, ours.client_id, ours.bufnr)
  end
end

return M
