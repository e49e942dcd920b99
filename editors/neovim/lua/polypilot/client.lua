--- The language server's client: one server for the whole editor, whatever the folders.
local config = require("polypilot.config")
local folders = require("polypilot.folders")
local program = require("polypilot.program")
local util = require("polypilot.util")

local M = {}

M.NAME = "polypilot"

---@type (fun(problem: polypilot.Problem|nil, client: vim.lsp.Client|nil))[]
local waiting = {}
---@type table<integer, boolean> clients that were told to stop
local stopping = {}
---@type table<string, fun(params: table)> takes the `$/progress` of a token of ours
local progress = {}
---@type fun()[] told when a server has gone
local on_gone = {}

---@param callback fun()
function M.when_gone(callback)
  on_gone[#on_gone + 1] = callback
end

---@param token string
---@param take fun(value: table)|nil nil takes the handler away
function M.on_progress(token, take)
  progress[token] = take
end

local function release(problem, client)
  local list = waiting
  waiting = {}
  for _, callback in ipairs(list) do
    callback(problem, client)
  end
end

local function on_init(client)
  if config.current.ghost.enabled then
    -- Else 0.12's own inline completion, where the user has it on, draws every text twice.
    client.server_capabilities.inlineCompletionProvider = nil
  end
  vim.schedule(function()
    folders.announce(client)
    release(nil, client)
  end)
end

local function on_exit(code, signal, client_id)
  vim.schedule(function()
    local expected = stopping[client_id] or vim.v.exiting ~= vim.NIL
    stopping[client_id] = nil
    folders.forget(client_id)
    local problem = {
      message = ("the server ended (status %d, signal %d)"):format(code, signal),
      code = "gone",
      cure = ":PolypilotRestart starts it again, :PolypilotLog shows why",
    }
    release(problem)
    for _, callback in ipairs(on_gone) do
      callback()
    end
    if not expected and (code ~= 0 or signal ~= 0) then
      util.report(problem)
    end
  end)
end

local function on_progress(err, params, context)
  local take = type(params) == "table" and progress[params.token]
  if take then
    take(params.value)
    return nil
  end
  return vim.lsp.handlers["$/progress"](err, params, context)
end

--- The folder of a buffer that the server may see; nothing is called for any other.
local function locate(bufnr, found)
  if vim.bo[bufnr].buftype ~= "" then
    return
  end
  if not program.path() then
    return program.tell_missing()
  end
  found(vim.fs.root(bufnr, config.current.root_markers))
end

local function root_dir(bufnr, found)
  -- The editor's first, empty buffer needs no server until something is typed into it.
  if vim.bo[bufnr].filetype ~= "" or vim.api.nvim_buf_get_name(bufnr) ~= "" then
    locate(bufnr, found)
  end
end

local function definition()
  local options = config.current
  local capabilities = vim.lsp.protocol.make_client_capabilities()
  capabilities.textDocument.inlineCompletion = { dynamicRegistration = false }
  -- Neovim's own inline completion, which draws when we don't, can't be made to ask again.
  capabilities.experimental = {
    polypilot = { version = 1, completionGrew = options.ghost.enabled, permission = true },
  }
  local settings = util.object(vim.deepcopy(options.settings))
  return {
    cmd = program.command("--stdio"),
    cmd_env = options.env,
    filetypes = options.filetypes,
    root_dir = root_dir,
    reuse_client = function(client, wanted)
      if client.name ~= M.NAME or client:is_stopped() then
        return false
      end
      folders.add(client, wanted.root_dir)
      return true
    end,
    capabilities = capabilities,
    init_options = { polypilot = settings },
    settings = { polypilot = settings },
    handlers = {
      ["$/progress"] = on_progress,
      ["polypilot/status"] = function(_, params)
        require("polypilot.status").update(params)
      end,
      ["polypilot/completionGrew"] = function(_, params)
        require("polypilot.ghost").grew(params)
      end,
      ["polypilot/chat/permission"] = function(...)
        return require("polypilot.chat.permission").handle(...)
      end,
    },
    on_init = on_init,
    on_exit = on_exit,
  }
end

---@return vim.lsp.Client|nil
function M.running()
  return vim.lsp.get_clients({ name = M.NAME })[1]
end

---@param bufnr integer
---@return vim.lsp.Client|nil
function M.attached(bufnr)
  return vim.lsp.get_clients({ name = M.NAME, bufnr = bufnr })[1]
end

--- Tells a running server that its settings may have changed, keys it can read included.
function M.refresh()
  local client = M.running()
  if client then
    client:notify("workspace/didChangeConfiguration", { settings = client.settings })
  end
end

function M.setup()
  vim.lsp.config(M.NAME, definition())
  vim.lsp.enable(M.NAME)
  if not program.path() then
    -- Neovim itself only writes this to its log.
    vim.schedule(program.tell_missing)
  end
  local client = M.running()
  if client then
    client.settings = { polypilot = util.object(vim.deepcopy(config.current.settings)) }
    M.refresh()
  end
  local group = vim.api.nvim_create_augroup("polypilot.client", {})
  vim.api.nvim_create_autocmd("InsertEnter", {
    group = group,
    desc = "Attach Polypilot to a buffer that has no filetype",
    callback = function(event)
      if vim.bo[event.buf].filetype == "" and not config.current.filetypes then
        M.attach(event.buf)
      end
    end,
  })
  vim.api.nvim_create_autocmd("VimLeavePre", {
    group = group,
    callback = function()
      for _, each in ipairs(vim.lsp.get_clients({ name = M.NAME })) do
        stopping[each.id] = true
      end
    end,
  })
end

---@param bufnr integer
function M.attach(bufnr)
  if M.attached(bufnr) then
    return
  end
  local start = vim.deepcopy(vim.lsp.config[M.NAME])
  locate(bufnr, function(root)
    start.root_dir = root
    vim.lsp.start(start, { bufnr = bufnr, reuse_client = start.reuse_client })
  end)
end

--- Calls back with a client that answers, starting the server when there is none.
---@param callback fun(problem: polypilot.Problem|nil, client: vim.lsp.Client|nil)
function M.ensure(callback)
  local client = M.running()
  if client then
    return callback(nil, client)
  end
  if not program.path() then
    return callback(program.missing())
  end
  waiting[#waiting + 1] = callback
  -- One that is still starting is found by `reuse_client`.
  local start = vim.deepcopy(vim.lsp.config[M.NAME])
  start.root_dir = vim.fs.root(vim.uv.cwd() or 0, config.current.root_markers)
  if not vim.lsp.start(start, { attach = false, reuse_client = start.reuse_client }) then
    release({ message = "the server did not start", cure = ":PolypilotLog shows why" })
  end
end

--- One request; the callback runs once, in the main loop.
---@param method string
---@param params table
---@param callback fun(problem: polypilot.Problem|nil, result: any)
function M.request(method, params, callback)
  M.ensure(function(problem, client)
    if not client then
      return callback(problem or { message = "no server" })
    end
    local sent = client:request(method, util.object(params), function(err, result)
      callback(err and util.problem(err) or nil, util.value(result))
    end, vim.api.nvim_get_current_buf())
    if not sent then
      callback({ message = "the server has gone", cure = ":PolypilotRestart starts it again" })
    end
  end)
end

--- Stops the server, and starts it again for the buffers it had.
function M.restart()
  local client = M.running()
  local buffers = client and vim.tbl_keys(client.attached_buffers) or {}
  local function start()
    if #buffers == 0 then
      buffers = { vim.api.nvim_get_current_buf() }
    end
    for _, bufnr in ipairs(buffers) do
      if vim.api.nvim_buf_is_valid(bufnr) then
        M.attach(bufnr)
      end
    end
  end
  if not client then
    program.forget()
    return start()
  end
  stopping[client.id] = true
  client:stop()
  local polls = 0
  local timer = assert(vim.uv.new_timer())
  timer:start(
    50,
    50,
    vim.schedule_wrap(function()
      polls = polls + 1
      if polls == 60 then
        client:stop(true)
      end
      if not timer:is_closing() and (not vim.lsp.get_client_by_id(client.id) or polls > 100) then
        timer:close()
        start()
      end
    end)
  )
end

return M
