--- A source for nvim-cmp; see |polypilot-cmp|.
local menu = require("polypilot.menu")

---@class polypilot.CmpSource
---@field stop? fun() ends the request under way
local Source = {}
Source.__index = Source

function Source.new()
  return setmetatable({}, Source)
end

function Source:get_debug_name()
  return "polypilot"
end

function Source:is_available()
  return menu.wanted(vim.api.nvim_get_current_buf())
end

function Source:get_position_encoding_kind()
  return "utf-8"
end

function Source:get_trigger_characters()
  return menu.triggers
end

function Source:complete(params, callback)
  if self.stop then
    self.stop()
  end
  local context = params.context
  local place = {
    bufnr = context.bufnr,
    row = context.cursor.row - 1,
    column = context.cursor.col - 1,
  }
  self.stop = menu.ask(place, function(items)
    callback({ items = items, isIncomplete = true })
  end)
end

function Source:execute(item, callback)
  menu.taken(item)
  callback(item)
end

return Source
