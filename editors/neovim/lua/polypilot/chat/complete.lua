--- `#mentions` and `/commands` in the prompt, as the server knows them: CTRL-X CTRL-O.
local client = require("polypilot.client")
local util = require("polypilot.util")

local M = {}

local PATIENCE_MS = 1000

local function ask(method, params)
  local server = client.running()
  local answer = server and server:request_sync(method, util.object(params), PATIENCE_MS, 0)
  return answer and util.value(answer.result) or {}
end

local function commands(typed)
  local found = {}
  for _, row in ipairs(ask("polypilot/chat/commands", {})) do
    if vim.startswith("/" .. row.name, typed) then
      found[#found + 1] = { word = "/" .. row.name, menu = util.clean(row.description) }
    end
  end
  return found
end

local function mentions(typed)
  return vim.tbl_map(function(row)
    local detail = util.value(row.detail)
    return { word = row.insert, abbr = row.label, menu = detail and util.clean(detail) or nil }
  end, ask("polypilot/chat/mentions", { typed = typed }))
end

--- See |complete-functions|.
function M.omnifunc(findstart, base)
  if findstart == 1 then
    local row, column = util.cursor()
    local before = vim.api.nvim_get_current_line():sub(1, column)
    local start = before:find("#[^%s]*$") or (row == 0 and before:find("^/%S*$")) or nil
    return start and start - 1 or -3
  end
  return base:sub(1, 1) == "/" and commands(base) or mentions(base)
end

return M
