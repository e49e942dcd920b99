--- `:checkhealth polypilot`
local client = require("polypilot.client")
local config = require("polypilot.config")
local keys = require("polypilot.keys")
local program = require("polypilot.program")
local status = require("polypilot.status")
local util = require("polypilot.util")

local health = vim.health

--- The doctor asks the keyring, which may take its three seconds.
local TIMEOUT_MS = 10000

local M = {}

local function check_editor()
  health.start("Neovim")
  if vim.fn.has("nvim-0.11") == 1 then
    health.ok(tostring(vim.version()))
  else
    health.error("Neovim 0.11 or newer is needed", "Upgrade Neovim")
  end
  if not require("polypilot").is_setup() then
    health.warn("the plugin has not started", 'Call require("polypilot").setup()')
  end
  for _, problem in ipairs(config.problems) do
    health.error("option " .. util.clean(problem), ":help polypilot-options")
  end
  if #config.problems == 0 then
    health.ok("options are in order")
  end
end

local function check_program()
  health.start("The polypilot program")
  local path = program.path()
  if not path then
    health.error(("%s was not found"):format(config.current.cmd[1]), {
      program.INSTALL,
      'or name it: require("polypilot").setup({ cmd = { "/path/to/polypilot" } })',
    })
    return
  end
  local ok, done = pcall(function()
    return vim.system(program.command("--version"), { text = true, timeout = TIMEOUT_MS }):wait()
  end)
  if ok and done.code == 0 then
    health.ok(("%s: %s"):format(path, util.clean(vim.trim(done.stdout))))
  else
    local why = ok and vim.trim(done.stderr or "") or tostring(done)
    health.error(("%s does not run: %s"):format(path, util.clean(why)))
  end
end

local function check_links(server)
  local reply, why = server:request_sync("polypilot/doctor", vim.empty_dict(), TIMEOUT_MS)
  local rows = reply and util.value(reply.result)
  if not rows then
    local problem = reply and reply.err and util.describe(util.problem(reply.err))
    health.error("the server's checks failed: " .. (problem or why or "no answer"))
    return
  end
  for _, row in ipairs(rows) do
    local line = util.clean(("%s: %s"):format(row.check, util.value(row.detail) or ""))
    local cure = util.value(row.cure)
    local ok = util.value(row.ok)
    if ok == true then
      health.ok(line)
    elseif ok == false then
      health.error(line, cure and util.clean(cure) or nil)
    else
      health.info(line)
    end
  end
end

local function check_server()
  health.start("The server")
  local server = client.running()
  if not server then
    health.warn("no server is running", "Open a file, or :PolypilotRestart")
    return
  end
  local info = server.server_info or {}
  health.ok(("running: %s %s"):format(info.name or "polypilot", info.version or ""))
  health.info("positions are counted in " .. server.offset_encoding)
  for _, line in ipairs(status.lines()) do
    health.info(line)
  end
  check_links(server)
end

local function check_keys()
  health.start("Keys")
  local conflicts = keys.conflicts()
  for _, each in ipairs(conflicts) do
    health.warn(
      ("%s in insert mode does something else (%s)"):format(each.key, util.clean(each.by)),
      ("Map another key to <Plug>(polypilot-%s), or set keys.%s"):format(
        each.name:gsub("_", "-"),
        each.name
      )
    )
  end
  if #conflicts == 0 then
    health.ok("the keys are as configured")
  end
end

local function check_others()
  health.start("Other suggestions")
  local others = {
    ["copilot.vim"] = vim.g.loaded_copilot ~= nil,
    ["copilot.lua"] = package.loaded["copilot.suggestion"] ~= nil,
    ["codeium.vim"] = vim.g.loaded_codeium ~= nil,
    ["supermaven-nvim"] = package.loaded["supermaven-nvim"] ~= nil,
    ["minuet-ai.nvim"] = package.loaded["minuet.virtualtext"] ~= nil,
  }
  local found = false
  for name, loaded in vim.spairs(others) do
    if loaded then
      found = true
      health.warn(
        name .. " is loaded and draws suggestions too",
        "Switch one of the two off, for instance with ghost = { enabled = false }"
      )
    end
  end
  if not found then
    health.ok("none that draws in the same place")
  end
end

function M.check()
  check_editor()
  check_program()
  check_server()
  check_keys()
  check_others()
end

return M
