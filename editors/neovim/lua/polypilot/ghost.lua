--- Suggestions while typing: asks the server, holds what it offers, accepts it.
---
--- The same on every Neovim: 0.12's own `vim.lsp.inline_completion` can't accept a word or a line
--- and drops its text at each keystroke. See "Native inline completion" in the help.
local client = require("polypilot.client")
local config = require("polypilot.config")
local offers = require("polypilot.offer")
local preview = require("polypilot.preview")
local shown = require("polypilot.shown")
local status = require("polypilot.status")
local text = require("polypilot.text")
local util = require("polypilot.util")

local api = vim.api
local INVOKED, AUTOMATIC = 1, 2
local METHOD = "textDocument/inlineCompletion"

local M = {}

---@class polypilot.Ask
---@field bufnr integer
---@field row integer
---@field column integer
---@field tick integer
---@field kind integer
---@field step integer how far to move among what comes
---@field grew boolean whether only a longer form of what is shown is wanted
---@field client? vim.lsp.Client
---@field id? integer the request's

---@type polypilot.Ask|nil the request under way
local pending
---@type string|nil the place that was last asked about, or dismissed
local asked
---@type uv.uv_timer_t|nil
local timer

local function inserting()
  return vim.startswith(api.nvim_get_mode().mode, "i")
end

local function place(bufnr)
  local row, column = util.cursor()
  return ("%d:%d:%d:%d"):format(bufnr, api.nvim_buf_get_changedtick(bufnr), row, column)
end

local function cancel()
  if timer then
    timer:stop()
  end
  local old = pending
  pending = nil
  if old and old.client and old.id and not old.client:is_stopped() then
    old.client:cancel_request(old.id)
  end
end

---@param ask polypilot.Ask
local function on_reply(ask, err, result)
  if pending ~= ask then
    return
  end
  pending = nil
  if err then
    if ask.kind == INVOKED then
      util.report(util.problem(err))
    end
    return
  end
  local bufnr = ask.bufnr
  local row, column = util.cursor()
  local moved = api.nvim_get_current_buf() ~= bufnr
    or row ~= ask.row
    or column ~= ask.column
    or api.nvim_buf_get_changedtick(bufnr) ~= ask.tick
  -- No answer (null: superseded) leaves what is there; an empty one takes it away.
  if type(result) ~= "table" or moved or not inserting() then
    return
  end
  local list = {}
  for _, item in ipairs(util.value(result.items) or result) do
    local offer = offers.new(item, bufnr, row, column, ask.client.offset_encoding)
    if offer and offer:rest(bufnr, row, column) then
      list[#list + 1] = offer
    end
  end
  if ask.grew then
    return shown.extend(list)
  end
  shown.replace({
    bufnr = bufnr,
    offers = list,
    index = ask.step,
    client_id = ask.client.id,
    invoked = ask.kind == INVOKED,
  })
end

---@param kind integer
---@param step? integer
---@param grew? boolean
local function request(kind, step, grew)
  cancel()
  local bufnr = api.nvim_get_current_buf()
  local server = client.attached(bufnr)
  if not server then
    return
  end
  local row, column = util.cursor()
  local line = api.nvim_get_current_line()
  local ask = {
    bufnr = bufnr,
    row = row,
    column = column,
    tick = api.nvim_buf_get_changedtick(bufnr),
    kind = kind,
    step = step or 0,
    grew = grew == true,
    client = server,
  }
  pending = ask
  asked = place(bufnr)
  local params = {
    textDocument = { uri = vim.uri_from_bufnr(bufnr) },
    position = { line = row, character = text.character(line, server.offset_encoding, column) },
    context = { triggerKind = kind },
  }
  -- The buffer's own number: 0.11 doesn't send pending changes first when it is given 0.
  local sent, id = server:request(METHOD, params, function(err, result)
    on_reply(ask, err, result)
  end, bufnr)
  if not sent then
    pending = nil
  elseif pending == ask then
    ask.id = id
  end
end

local function wanted(bufnr)
  return config.current.ghost.auto
    and not status.paused()
    and vim.g.polypilot_enabled ~= false
    and vim.b[bufnr].polypilot_enabled ~= false
    and vim.bo[bufnr].modifiable
    and inserting()
    and not shown.hidden(bufnr)
end

local function automatic()
  if wanted(api.nvim_get_current_buf()) then
    request(AUTOMATIC)
  end
end

--- After a change of text or cursor.
local function update()
  local bufnr = api.nvim_get_current_buf()
  shown.redraw()
  if place(bufnr) == asked then
    return
  end
  cancel()
  if not wanted(bufnr) or not client.attached(bufnr) then
    return
  end
  local wait = config.current.ghost.debounce_ms
  if wait == 0 then
    request(AUTOMATIC)
  else
    timer = timer or assert(vim.uv.new_timer())
    timer:start(wait, 0, vim.schedule_wrap(automatic))
  end
end

---@return boolean visible whether there is a suggestion that can be accepted
function M.visible()
  return inserting() and shown.current() ~= nil and not shown.hidden(api.nvim_get_current_buf())
end

--- Keys for an expr mapping: they accept the suggestion as one undo step. nil when none is shown.
---@param part "all"|"word"|"line"
---@return string|nil
function M.accept_keys(part)
  if not M.visible() then
    return nil
  end
  return ('<C-g>u<Cmd>lua require("polypilot.shown").insert("%s")<CR><C-g>u'):format(part)
end

---@param part? "all"|"word"|"line"
---@return boolean accepted
function M.accept(part)
  local keys = M.accept_keys(part or "all")
  if keys then
    api.nvim_feedkeys(vim.keycode(keys), "ni", false)
  end
  return keys ~= nil
end

---@return boolean dismissed whether there was anything
function M.dismiss()
  local had = shown.any() or pending ~= nil
  cancel()
  shown.dismiss()
  asked = inserting() and place(api.nvim_get_current_buf()) or nil
  return had
end

--- Takes away what is there and comes, for another reason than that the user dislikes it.
function M.leave()
  cancel()
  shown.clear()
  asked = nil
end

--- Asks for suggestions here, whatever is paused.
function M.trigger()
  if not inserting() then
    return
  end
  if not client.attached(api.nvim_get_current_buf()) then
    util.notify("no server is attached to this buffer; :checkhealth polypilot", vim.log.levels.WARN)
    return
  end
  request(INVOKED)
end

--- The server can show more of what it has given: asks again, unless another request will bring it.
---@param params any of `polypilot/completionGrew`
function M.grew(params)
  local bufnr = api.nvim_get_current_buf()
  local here = type(params) == "table" and params.uri == vim.uri_from_bufnr(bufnr)
  if here and not pending and place(bufnr) == asked and M.visible() then
    request(AUTOMATIC, 0, true)
  end
end

--- Shows another suggestion; asks for all of them the first time.
---@param step 1|-1
---@return boolean cycled
function M.cycle(step)
  if not M.visible() then
    return false
  end
  if not shown.move(step) then
    request(INVOKED, step)
  end
  return true
end

---@return boolean enabled automatic suggestions in this buffer, after the switch
function M.toggle()
  local bufnr = api.nvim_get_current_buf()
  vim.b[bufnr].polypilot_enabled = vim.b[bufnr].polypilot_enabled == false
  if not vim.b[bufnr].polypilot_enabled then
    M.leave()
  end
  return vim.b[bufnr].polypilot_enabled
end

function M.setup()
  local group = api.nvim_create_augroup("polypilot.ghost", {})
  M.leave()
  if not config.current.ghost.enabled then
    return
  end
  preview.highlights()
  local function on(events, callback)
    api.nvim_create_autocmd(events, { group = group, callback = callback })
  end
  local changes = { "TextChangedI", "CursorMovedI", "TextChangedP" }
  -- LspAttach: what was typed while the server started is asked about now.
  on({ "InsertEnter", "CompleteDone", "LspAttach", unpack(changes) }, function()
    -- InsertEnter comes before the mode has changed, CompleteDone before the menu is gone.
    vim.schedule(function()
      if inserting() then
        update()
      end
    end)
  end)
  -- Not scheduled: the text must be trimmed before the screen is drawn, or it flickers.
  on(changes, shown.redraw)
  on({ "InsertLeave", "BufLeave" }, M.leave)
  on("ColorScheme", preview.highlights)
end

return M
