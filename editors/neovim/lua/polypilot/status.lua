--- What the server says of itself: for statuslines, and once for each distinct error.
local config = require("polypilot.config")
local util = require("polypilot.util")

local M = {}

---@class polypilot.Status as in docs/protocol.md, `polypilot/status`; plus the state "stopped"
---@field state "stopped"|"starting"|"ready"|"busy"|"paused"|"needsKey"|"needsModel"|"error"
---@field paused boolean
---@field completion? { provider: string, model: string }
---@field chat? { provider: string, model: string }
---@field trusted? boolean
---@field redactions? integer
---@field keyring? string
---@field error? polypilot.Problem
---@field notices? string[]

---@type polypilot.Status
local state = { state = "stopped", paused = false }
---@type table<string, boolean>
local told = {}

local words = {
  starting = "starting",
  paused = "paused",
  needsKey = "needs a key",
  needsModel = "needs a model",
  error = "error",
}

local function once(key, level)
  if config.current.notify and not told[key] then
    told[key] = true
    util.notify(key, level)
  end
end

local function changed()
  vim.api.nvim_exec_autocmds("User", { pattern = "PolypilotStatus", modeline = false })
  vim.cmd.redrawstatus({ bang = true })
end

---@param params any the notification's, or the answer to a request
function M.update(params)
  if type(params) ~= "table" then
    return
  end
  state = vim.tbl_map(util.value, params)
  state.state = state.state or "ready"
  local problem = state.error
  if type(problem) == "table" and type(problem.message) == "string" then
    problem.cure = util.value(problem.cure)
    once(util.describe(problem), vim.log.levels.ERROR)
  else
    state.error = nil
  end
  for _, notice in ipairs(state.notices or {}) do
    once(util.clean(notice))
  end
  changed()
end

function M.gone()
  state = { state = "stopped", paused = state.paused }
  changed()
end

---@return polypilot.Status a copy
function M.get()
  return vim.deepcopy(state)
end

---@return boolean
function M.paused()
  return state.paused == true
end

---@param paused boolean
function M.set_paused(paused)
  state.paused = paused
  changed()
end

--- A short text for a statusline, such as "polypilot: codestral-latest".
---@return string text empty while no server runs
function M.line()
  if state.state == "stopped" then
    return ""
  end
  local word = words[state.state] or (state.paused and words.paused)
  local target = state.completion or {}
  local text = word or util.value(target.model) or util.value(target.provider) or state.state
  if state.state == "busy" then
    text = text .. " …"
  end
  return "polypilot: " .. util.clean(text):gsub("\n", " ")
end

local function target(row)
  if type(row) ~= "table" or not util.value(row.provider) then
    return "none"
  end
  local model = util.value(row.model)
  return model and model ~= "" and ("%s / %s"):format(row.provider, model) or row.provider
end

---@return string[] lines for :PolypilotStatus
function M.lines()
  local lines = {
    ("state        %s"):format(words[state.state] or state.state),
    ("completion   %s%s"):format(target(state.completion), state.paused and " (paused)" or ""),
    ("chat         %s"):format(target(state.chat)),
  }
  local function add(label, value)
    if value ~= nil then
      lines[#lines + 1] = ("%-12s %s"):format(label, tostring(value))
    end
  end
  if state.trusted ~= nil then
    add("workspace", state.trusted and "trusted" or "not trusted")
  end
  add("keyring", state.keyring)
  add("redactions", state.redactions)
  if state.error then
    add("error", state.error.message)
    add("cure", state.error.cure)
  end
  for _, notice in ipairs(state.notices or {}) do
    add("note", notice)
  end
  return vim.tbl_map(util.clean, lines)
end

return M
