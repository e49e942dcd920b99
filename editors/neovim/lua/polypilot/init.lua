--- Polypilot for Neovim: `require("polypilot")` is the whole of the plugin's interface.
local M = {}

local MINIMUM = "nvim-0.11"

local ready = false

--- Starts the plugin, or changes its options. Without a call the plugin starts with
--- `vim.g.polypilot` (a table of options; false keeps it from starting).
---@param options? table see |polypilot-options|
function M.setup(options)
  if vim.fn.has(MINIMUM) == 0 then
    vim.notify_once("Polypilot needs Neovim 0.11 or newer", vim.log.levels.ERROR)
    return
  end
  local config = require("polypilot.config")
  local given = options
  if given == nil then
    given = type(vim.g.polypilot) == "table" and vim.g.polypilot or {}
  end
  config.set(given)
  if #config.problems > 0 then
    local list = table.concat(config.problems, "\n")
    require("polypilot.util").notify("options:\n" .. list, vim.log.levels.WARN)
  end
  local client = require("polypilot.client")
  if not ready then
    client.when_gone(require("polypilot.status").gone)
    require("polypilot.chat").setup()
    require("polypilot.keys").define()
  end
  ready = true
  require("polypilot.ghost").setup()
  require("polypilot.keys").setup()
  require("polypilot.diagnostics").setup()
  client.setup()
end

---@return boolean
function M.is_setup()
  return ready
end

--- Provider, model, state and last error, as in docs/protocol.md.
---@return polypilot.Status
function M.status()
  return require("polypilot.status").get()
end

--- A short text for a statusline; empty while no server runs.
---@return string
function M.statusline()
  return require("polypilot.status").line()
end

--- Whether a suggestion is on screen.
---@return boolean
function M.visible()
  return require("polypilot.ghost").visible()
end

--- Accepts the suggestion, or its next word or line. For mappings of your own.
---@param part? "all"|"word"|"line"
---@return boolean accepted false when there was none
function M.accept(part)
  return require("polypilot.ghost").accept(part)
end

---@return boolean dismissed
function M.dismiss()
  return require("polypilot.ghost").dismiss()
end

---@return boolean cycled
function M.next()
  return require("polypilot.ghost").cycle(1)
end

---@return boolean cycled
function M.previous()
  return require("polypilot.ghost").cycle(-1)
end

function M.trigger()
  require("polypilot.ghost").trigger()
end

--- Automatic suggestions on or off in this buffer.
---@return boolean enabled
function M.toggle()
  return require("polypilot.ghost").toggle()
end

--- Automatic suggestions on or off everywhere.
---@param paused? boolean switches when not given
function M.pause(paused)
  require("polypilot.commands").pause(paused)
end

--- Opens the chat.
function M.chat()
  require("polypilot.chat").open()
end

--- Opens the chat and sends a message.
---@param text string
function M.ask(text)
  require("polypilot.chat").open()
  require("polypilot.chat").send(text)
end

--- Chooses a provider and a model.
---@param purpose? "completion"|"chat"|"both"
function M.select(purpose)
  require("polypilot.picker").select(purpose)
end

return M
