--- The program that the server and the commands are: where it is, or that it is missing.
local config = require("polypilot.config")
local util = require("polypilot.util")

local M = {}

M.INSTALL = "Install it with:  pipx install 'polypilot[embedded]'"

local told = false

--- The program with more arguments.
---@param ... string
---@return string[]
function M.command(...)
  return vim.list_extend(vim.deepcopy(config.current.cmd), { ... })
end

---@return string|nil path nil when there is no such program
function M.path()
  local path = vim.fn.exepath(config.current.cmd[1])
  return path ~= "" and path or nil
end

---@return polypilot.Problem
function M.missing()
  return {
    message = ("the program %s was not found"):format(config.current.cmd[1]),
    code = "missing",
    cure = M.INSTALL,
  }
end

--- Tells the user that it is missing, once.
function M.tell_missing()
  if not told then
    told = true
    util.report(M.missing())
  end
end

--- Tell it again the next time: the user may have changed something.
function M.forget()
  told = false
end

return M
