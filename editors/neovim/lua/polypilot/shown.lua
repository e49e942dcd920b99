--- The suggestions being shown: what of them still fits, drawn at the cursor, and taken over.
local config = require("polypilot.config")
local outcome = require("polypilot.outcome")
local preview = require("polypilot.preview")
local text = require("polypilot.text")
local util = require("polypilot.util")

local api = vim.api

local M = {}

---@class polypilot.Shown
---@field bufnr integer
---@field offers polypilot.Offer[]
---@field index integer
---@field client_id integer
---@field invoked boolean whether all alternatives were asked for

---@type polypilot.Shown|nil
local shown

---@param bufnr integer
---@return boolean hidden whether nothing may be drawn now
function M.hidden(bufnr)
  local ghost = config.current.ghost
  if not ghost.with_menu and vim.fn.pumvisible() == 1 then
    return true
  end
  return ghost.suppress ~= nil and ghost.suppress(bufnr) == true
end

function M.clear()
  if shown then
    preview.clear(shown.bufnr)
  end
  shown = nil
end

--- The offer under the cursor with what is left of it; nil when there is none that fits.
---@return polypilot.Offer|nil offer
---@return string rest
---@return string replaced
function M.current()
  local bufnr = api.nvim_get_current_buf()
  if not shown or shown.bufnr ~= bufnr then
    return nil, "", ""
  end
  local offer = shown.offers[shown.index]
  local row, column = util.cursor()
  local rest, replaced = offer:rest(bufnr, row, column)
  if not rest or (rest == "" and replaced == "") then
    return nil, "", ""
  end
  return offer, rest, replaced
end

--- Draws what still fits, takes away what doesn't.
function M.redraw()
  if not shown then
    return
  end
  local offer, rest, replaced = M.current()
  if not offer then
    M.clear()
  elseif M.hidden(shown.bufnr) then
    preview.clear(shown.bufnr)
  else
    local row, column = util.cursor()
    local count = { index = shown.index, total = #shown.offers }
    preview.draw(shown.bufnr, row, column, rest, replaced, count)
    outcome.shown(offer, shown.client_id)
  end
end

--- Where in `list` to begin: at what the user is looking at, so that a refresh doesn't change it.
local function start_index(list)
  local offer, rest, replaced = M.current()
  if offer then
    local row, column = util.cursor()
    for index, each in ipairs(list) do
      local other, other_replaced = each:rest(shown.bufnr, row, column)
      if other == rest and other_replaced == replaced then
        return index
      end
    end
  end
  return 1
end

--- Shows these in place of what is there; none takes it away.
---@param state polypilot.Shown `index` is counted from what the user is looking at
function M.replace(state)
  local list = state.offers
  state.index = #list > 0 and (start_index(list) + state.index - 1) % #list + 1 or 1
  M.clear()
  if #list > 0 then
    shown = state
    M.redraw()
  end
end

--- Puts a longer form of what the user looks at in its place. What is drawn changes in one step.
---@param list polypilot.Offer[] may hold none
function M.extend(list)
  local offer, rest, replaced = M.current()
  if not offer or not shown then
    return
  end
  local row, column = util.cursor()
  for _, longer in ipairs(list) do
    local more, more_replaced = longer:rest(shown.bufnr, row, column)
    if more and more_replaced == replaced and vim.startswith(more, rest) then
      shown.offers[shown.index] = longer
      return M.redraw()
    end
  end
end

--- Shows another of them.
---@param step 1|-1
---@return boolean moved false when there is but one and others weren't asked for
function M.move(step)
  if not shown or (#shown.offers == 1 and not shown.invoked) then
    return false
  end
  shown.index = (shown.index + step - 1) % #shown.offers + 1
  M.redraw()
  return true
end

---@return boolean
function M.any()
  return shown ~= nil
end

--- Inserts what was accepted. Called by the keys of `ghost.accept_keys`, between two undo breaks.
---@param part "all"|"word"|"line"
function M.insert(part)
  local offer, rest, replaced = M.current()
  if not offer or not shown then
    return
  end
  local taken = rest
  if part ~= "all" then
    taken = (part == "word" and text.word or text.line)(rest)
  end
  local whole = taken == rest
  local row, column = util.cursor()
  local stop = whole and column + #replaced or column
  local lines = vim.split(taken, "\n", { plain = true })
  local state = shown
  if whole then
    M.clear()
  end
  api.nvim_buf_set_text(state.bufnr, row, column, row, stop, lines)
  local last = #lines == 1 and column + #taken or #lines[#lines]
  api.nvim_win_set_cursor(0, { row + #lines, last })
  if whole then
    outcome.accepted(offer, state.client_id, state.bufnr)
  else
    outcome.taken(offer, state.client_id, #offer.text - #rest + #taken)
    M.redraw()
  end
end

--- Takes it away because the user wants that.
function M.dismiss()
  local offer = M.current()
  if offer and shown then
    outcome.dismissed(offer, shown.client_id, shown.bufnr)
  end
  M.clear()
end

return M
