--- Runs the `polypilot` program for what is better done in a terminal.
local client = require("polypilot.client")
local config = require("polypilot.config")
local program = require("polypilot.program")
local util = require("polypilot.util")

local M = {}

--- Runs it in a terminal split, so that its progress and questions are seen as they are.
---@param ... string arguments
function M.terminal(...)
  if not program.path() then
    return util.report({ message = "the polypilot program was not found", cure = program.INSTALL })
  end
  vim.cmd("botright 12new")
  local bufnr = vim.api.nvim_get_current_buf()
  vim.bo[bufnr].bufhidden = "wipe"
  vim.fn.jobstart(program.command(...), {
    term = true,
    env = util.object(config.current.env),
    on_exit = function(_, code)
      if code == 0 then
        client.refresh()
      end
    end,
  })
  vim.cmd.startinsert()
end

--- Runs it out of sight.
---@param args string[]
---@param options { stdin?: string }
---@param callback fun(code: integer, output: string) in the main loop
function M.run(args, options, callback)
  local started, why = pcall(vim.system, program.command(unpack(args)), {
    stdin = options.stdin,
    env = config.current.env,
    text = true,
  }, function(done)
    vim.schedule(function()
      callback(done.code, vim.trim((done.stdout or "") .. "\n" .. (done.stderr or "")))
    end)
  end)
  if not started then
    callback(-1, program.path() and tostring(why) or program.INSTALL)
  end
end

return M
