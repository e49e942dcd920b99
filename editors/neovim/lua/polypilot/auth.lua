--- Takes a provider's key once and hands it to `polypilot auth set`, over its standard input: it
--- is in no argument, no file, no register, no history, and never on the language server's wire.
local cli = require("polypilot.cli")
local client = require("polypilot.client")
local util = require("polypilot.util")

local M = {}

local function is_id(text)
  return text:match("^[%w][%w._-]*$") ~= nil
end

local function store(provider, key, callback, account)
  local arguments = { "auth", "set", provider, "--stdin" }
  if account then
    vim.list_extend(arguments, { "--account", account })
  end
  cli.run(arguments, { stdin = key .. "\n" }, function(code, output)
    -- The program doesn't repeat the key; if some wrapper did, it still won't be shown.
    output = output:gsub(vim.pesc(key), "…")
    if code == 0 then
      util.notify(output ~= "" and output or ("the key for %s is stored"):format(provider))
      client.refresh()
    else
      util.report({
        message = ("the key for %s was not stored: %s"):format(provider, output),
      })
    end
    callback(code == 0)
  end)
end

--- Takes the last command line out of the history, and out of the register that holds it.
local function forget_command()
  vim.fn.histdel(":", -1)
  if vim.api.nvim_get_mode().mode == "n" then
    -- That register is read-only; only another typed command, here a comment, replaces it.
    vim.api.nvim_feedkeys(vim.keycode(':"<CR>'), "nt", false)
  end
end

--- Asks for one provider's key.
---@param provider string its id
---@param callback? fun(stored: boolean)
---@param account? string the key's name, of several
function M.ask(provider, callback, account)
  callback = callback or function() end
  if not is_id(provider) then
    -- Perhaps the key itself was typed here: leave no trace of it.
    forget_command()
    util.notify(
      "give a provider's id only; the key is asked for and not shown",
      vim.log.levels.ERROR
    )
    return callback(false)
  end
  vim.fn.inputsave()
  local ok, key = pcall(vim.fn.inputsecret, ("Key for %s (not shown): "):format(provider))
  vim.fn.inputrestore()
  vim.cmd.redraw()
  key = ok and vim.trim(key) or ""
  if key == "" then
    util.notify("no key was entered; nothing has changed")
    return callback(false)
  end
  store(provider, key, callback, account)
end

return M
