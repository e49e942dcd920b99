--- The `:Polypilot…` commands.
local client = require("polypilot.client")
local program = require("polypilot.program")
local status = require("polypilot.status")
local util = require("polypilot.util")

local api = vim.api

local M = {}

--- Automatic suggestions on or off, on the server and here.
---@param paused? boolean switches when not given
function M.pause(paused)
  if paused == nil then
    paused = not status.paused()
  end
  local function done(now)
    status.set_paused(now)
    if now then
      require("polypilot.ghost").leave()
    end
    util.notify(now and "suggestions are paused" or "suggestions are on")
  end
  if not client.running() then
    return done(paused)
  end
  client.request("polypilot/pause", { paused = paused }, function(problem, result)
    if problem then
      return util.report(problem)
    end
    done(result.paused)
  end)
end

local function show_status()
  if not client.running() then
    local cure = program.path() and ":PolypilotRestart starts it" or program.INSTALL
    return util.notify("no server is running\n" .. cure, vim.log.levels.WARN)
  end
  client.request("polypilot/status", {}, function(problem, result)
    if problem then
      return util.report(problem)
    end
    status.update(result)
    util.notify(table.concat(status.lines(), "\n"))
  end)
end

local function set_trust(folder, trusted)
  local params = { uri = vim.uri_from_fname(folder), trusted = trusted }
  client.request("polypilot/trust", params, function(problem, result)
    if problem then
      return util.report(problem)
    end
    local lines = { (result.trusted and "trusted: " or "not trusted: ") .. folder }
    for _, each in ipairs(util.value(result.pending) or {}) do
      local text = type(each) == "string" and each or vim.json.encode(each)
      lines[#lines + 1] = (result.trusted and "it may: " or "it asks for: ") .. text
    end
    util.notify(table.concat(lines, "\n"))
  end)
end

local function trust(options)
  local folder = options.args ~= "" and vim.fs.abspath(vim.fs.normalize(options.args))
    or vim.fs.root(0, require("polypilot.config").current.root_markers)
    or assert(vim.uv.cwd())
  if options.bang then
    return set_trust(folder, false)
  end
  vim.ui.select({ "No", "Yes" }, {
    prompt = ("Trust what %s asks of Polypilot?"):format(util.clean(folder)),
    format_item = function(each)
      return each
    end,
  }, function(answer)
    if answer == "Yes" then
      return set_trust(folder, true)
    end
    util.notify("nothing has changed")
  end)
end

--- A list of checks in a scratch window.
local function show_checks(rows)
  local lines = { "# Polypilot: checks", "" }
  for _, row in ipairs(rows) do
    local ok = util.value(row.ok)
    local sign = ok == true and "✓" or ok == false and "✗" or "?"
    lines[#lines + 1] = ("%s %s: %s"):format(sign, row.check, util.value(row.detail) or "")
    if ok ~= true and util.value(row.cure) then
      lines[#lines + 1] = "  → " .. row.cure
    end
  end
  lines = vim.split(util.clean(table.concat(lines, "\n")), "\n")
  vim.cmd(("botright %dnew"):format(math.min(#lines + 1, 16)))
  local bufnr = api.nvim_get_current_buf()
  api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  local buffer = vim.bo[bufnr]
  buffer.buftype, buffer.bufhidden, buffer.swapfile = "nofile", "wipe", false
  buffer.modeline, buffer.modifiable, buffer.filetype = false, false, "markdown"
  vim.keymap.set("n", "q", "<Cmd>close<CR>", { buffer = bufnr, desc = "Polypilot: close" })
end

local function doctor()
  if not client.running() then
    return require("polypilot.cli").terminal("doctor")
  end
  client.request("polypilot/doctor", {}, function(problem, rows)
    if problem then
      return util.report(problem)
    end
    show_checks(rows or {})
  end)
end

local function open_log()
  local path = vim.lsp.log.get_filename()
  vim.cmd("botright split " .. vim.fn.fnameescape(path))
  vim.bo.readonly, vim.bo.modifiable, vim.bo.autoread = true, false, true
  vim.cmd.normal({ "G", bang = true })
end

---@param options table
---@return polypilot.Attachment|nil
local function range_of(options)
  if options.range == 0 then
    return nil
  end
  local bufnr = api.nvim_get_current_buf()
  return require("polypilot.chat.selection").lines(bufnr, options.line1, options.line2)
end

local function starting_with(candidates)
  return function(lead)
    return vim.tbl_filter(function(each)
      return vim.startswith(each, lead)
    end, candidates())
  end
end

local function fixed(...)
  local list = { ... }
  return starting_with(function()
    return list
  end)
end

local definitions = {
  Chat = {
    desc = "Open the chat; with a range, send those lines along",
    range = true,
    call = function(options)
      local chat = require("polypilot.chat")
      chat.attach(range_of(options))
      chat.open()
    end,
  },
  Ask = {
    desc = "Ask in the chat; with a range, send those lines along",
    range = true,
    nargs = "+",
    call = function(options)
      local chat = require("polypilot.chat")
      chat.attach(range_of(options))
      chat.open()
      chat.send(options.args)
    end,
  },
  Attach = {
    desc = "Send this buffer, or the lines of the range, with the next message",
    range = true,
    call = function(options)
      local document = require("polypilot.chat.selection").document
      local attachment = range_of(options) or document(api.nvim_get_current_buf())
      require("polypilot.chat").attach(attachment)
      util.notify("goes with the next message: " .. attachment.label)
    end,
  },
  ChatNew = {
    desc = "Begin a new chat session",
    call = function()
      require("polypilot.chat").new()
      require("polypilot.chat").open()
    end,
  },
  Stop = {
    desc = "Stop the answer that is being written",
    call = function()
      if not require("polypilot.chat").stop() then
        util.notify("no answer is being written")
      end
    end,
  },
  Select = {
    desc = "Choose a provider and a model",
    nargs = "?",
    complete = fixed("both", "completion", "chat"),
    call = function(options)
      local purpose = options.args
      if purpose ~= "" and not vim.list_contains({ "both", "completion", "chat" }, purpose) then
        return util.notify("choose for completion, chat or both", vim.log.levels.ERROR)
      end
      require("polypilot.picker").select(purpose ~= "" and purpose or nil)
    end,
  },
  Auth = {
    desc = "Store a provider's key in the keyring",
    nargs = "?",
    complete = starting_with(function()
      return require("polypilot.picker").known
    end),
    call = function(options)
      require("polypilot.picker").auth(options.args)
    end,
  },
  Status = { desc = "Show provider, model and state", call = show_status },
  Pause = {
    desc = "Pause suggestions, or go on with them",
    nargs = "?",
    complete = fixed("on", "off"),
    call = function(options)
      local paused = ({ on = true, off = false })[options.args]
      if options.args ~= "" and paused == nil then
        return util.notify("on pauses, off goes on", vim.log.levels.ERROR)
      end
      M.pause(paused)
    end,
  },
  Toggle = {
    desc = "Suggestions on or off in this buffer",
    call = function()
      local on = require("polypilot.ghost").toggle()
      util.notify(on and "suggestions are on here" or "suggestions are off here")
    end,
  },
  Trust = {
    desc = "Trust a workspace folder; with ! no longer",
    nargs = "?",
    bang = true,
    complete = "dir",
    call = trust,
  },
  Models = {
    desc = "Run `polypilot models` in a terminal, e.g. `pull`",
    nargs = "*",
    complete = fixed("pull", "list"),
    call = function(options)
      require("polypilot.cli").terminal("models", unpack(options.fargs))
    end,
  },
  Doctor = { desc = "Check each link, with cures", call = doctor },
  Log = { desc = "Open the language client's log", call = open_log },
  Restart = { desc = "Start the server again", call = client.restart },
}

function M.define()
  local all = vim.tbl_extend("error", definitions, require("polypilot.commands_chat"))
  for name, definition in pairs(all) do
    api.nvim_create_user_command("Polypilot" .. name, function(options)
      if not require("polypilot").is_setup() then
        require("polypilot").setup()
      end
      definition.call(options)
    end, {
      desc = definition.desc,
      nargs = definition.nargs or 0,
      range = definition.range,
      bang = definition.bang,
      complete = definition.complete,
    })
  end
end

return M
