--- The bars above the chat's windows: who answers, what about, and what can be done.
local config = require("polypilot.config")
local state = require("polypilot.chat.state")
local status = require("polypilot.status")
local util = require("polypilot.util")
local windows = require("polypilot.chat.windows")

local M = {}

function M.show()
  local target = status.get().chat or {}
  local name = state.chosen.model or state.chosen.provider
  name = name or util.value(target.model) or util.value(target.provider)
  local keys = config.current.chat.keys
  local bar = { "Polypilot" }
  for _, part in ipairs({ name or "", state.chosen.mode or "", state.chosen.title or "" }) do
    bar[#bar + 1] = part ~= "" and part or nil
  end
  bar[#bar + 1] = state.turn and "answering" or nil
  windows.title("transcript", table.concat(bar, " · "))
  local parts = vim.tbl_map(function(each)
    return each.label
  end, state.attachments)
  local hint = {}
  if state.turn and keys.stop then
    hint[1] = keys.stop .. " stops"
  elseif keys.send then
    hint[1] = keys.send .. " sends"
  end
  if #parts > 0 then
    hint[#hint + 1] = "with " .. table.concat(parts, ", ")
  end
  windows.title("prompt", table.concat(hint, " · "))
end

return M
