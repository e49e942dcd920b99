--- A source for blink.cmp; see |polypilot-blink|.
local menu = require("polypilot.menu")

---@class polypilot.BlinkSource
local Source = {}
Source.__index = Source

function Source.new()
  return setmetatable({}, Source)
end

function Source:enabled()
  return menu.wanted(vim.api.nvim_get_current_buf())
end

function Source:get_trigger_characters()
  return menu.triggers
end

function Source:get_completions(context, callback)
  local place = {
    bufnr = context.bufnr,
    row = context.cursor[1] - 1,
    column = context.cursor[2],
  }
  return menu.ask(place, function(items)
    callback({ items = items, is_incomplete_forward = true, is_incomplete_backward = true })
  end)
end

function Source:execute(_, item, callback, default_implementation)
  default_implementation()
  menu.taken(item)
  callback()
end

return Source
