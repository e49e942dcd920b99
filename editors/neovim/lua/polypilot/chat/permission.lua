--- The server asks whether a tool may run: what it would do is shown, and the user chooses.
local transcript = require("polypilot.chat.transcript")
local util = require("polypilot.util")

local M = {}

local NO = { outcome = { outcome = "selected", optionId = "reject_once" } }

local function show(call)
  for _, diff in ipairs(util.value(call.diffs) or {}) do
    local old = util.value(diff.oldText) or ""
    local text = vim.diff(old, diff.newText, { ctxlen = 3 }) --[[@as string]]
    require("polypilot.chat.edits").draw(diff.uri, text)
  end
end

--- The handler of `polypilot/chat/permission`; it answers when the user has.
---@param params table
---@return table
function M.handle(_, params)
  local co, is_main = coroutine.running()
  if not co or is_main then
    return NO
  end
  local call = params.toolCall
  require("polypilot.chat.answer").flush_all()
  transcript.note(("may it? %s"):format(call.title))
  show(call)
  vim.ui.select(params.options, {
    kind = "polypilot_permission",
    prompt = util.clean(call.title),
    format_item = function(option)
      return util.clean(option.name)
    end,
  }, function(option)
    -- A list that answers at once must not resume what has not been suspended yet.
    vim.schedule(function()
      coroutine.resume(co, option or vim.NIL)
    end)
  end)
  local option = util.value(coroutine.yield())
  transcript.note(option and option.name or "refused")
  return option and { outcome = { outcome = "selected", optionId = option.optionId } } or NO
end

return M
