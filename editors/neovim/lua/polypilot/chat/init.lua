--- The chat: sends the prompt, shows the answer while it is written.
local answer = require("polypilot.chat.answer")
local client = require("polypilot.client")
local config = require("polypilot.config")
local selection = require("polypilot.chat.selection")
local status = require("polypilot.status")
local transcript = require("polypilot.chat.transcript")
local util = require("polypilot.util")
local windows = require("polypilot.chat.windows")

local api = vim.api

local M = {}

---@type string|nil
local session
---@type polypilot.Turn|nil
local turn
---@type polypilot.Attachment[]
local attachments = {}
local turns = 0

local function titles()
  local target = status.get().chat or {}
  local name = util.value(target.model) or util.value(target.provider)
  local keys = config.current.chat.keys
  local doing = turn and " · answering" or ""
  windows.title("transcript", ("Polypilot%s%s"):format(name and " · " .. name or "", doing))
  local parts = vim.tbl_map(function(each)
    return each.label
  end, attachments)
  local hint = {}
  if turn and keys.stop then
    hint[1] = keys.stop .. " stops"
  elseif keys.send then
    hint[1] = keys.send .. " sends"
  end
  if #parts > 0 then
    hint[#hint + 1] = "with " .. table.concat(parts, ", ")
  end
  windows.title("prompt", table.concat(hint, " · "))
end

---@param mine polypilot.Turn
---@param problem polypilot.Problem|nil
---@param result table|nil
local function finish(mine, problem, result)
  client.on_progress(mine.token, nil)
  if turn ~= mine then
    return
  end
  answer.flush(mine)
  turn = nil
  result = result or {}
  session = util.value(result.sessionId) or session
  problem = problem or util.value(result.error)
  answer.head(mine, result)
  local text = util.value(result.text)
  if text then
    transcript.stream("text", text)
  end
  if mine.stopped then
    problem, result.stopReason = nil, "cancelled"
  end
  if problem then
    transcript.problem({
      message = tostring(problem.message),
      code = problem.code,
      cure = util.value(problem.cure),
    })
  end
  local last = answer.closing(mine, result)
  if last ~= "" then
    transcript.note(last)
  end
  titles()
  api.nvim_exec_autocmds("User", { pattern = "PolypilotChatDone", modeline = false })
end

---@return boolean
function M.busy()
  return turn ~= nil
end

local function told_busy()
  if turn then
    util.notify("an answer is still being written; :PolypilotStop ends it", vim.log.levels.WARN)
  end
  return turn ~= nil
end

--- Sends one message; the answer goes to the transcript.
---@param text string
function M.send(text)
  if vim.trim(text) == "" then
    return
  end
  if told_busy() then
    return
  end
  turns = turns + 1
  local mine = {
    token = "polypilot-chat-" .. turns,
    deltas = {},
    stopped = false,
    headed = false,
  }
  turn = mine
  transcript.heading("You", text)
  local context = attachments
  attachments = {}
  windows.follow(true)
  titles()
  client.on_progress(mine.token, function(value)
    if type(value) == "table" and turn == mine then
      answer.take(mine, value)
      session = mine.session or session
    end
  end)
  client.ensure(function(problem, server)
    if not server or mine.stopped then
      return finish(mine, problem)
    end
    mine.client = server
    local params = {
      text = text,
      sessionId = session,
      context = selection.parameters(context, server.offset_encoding),
      partialResultToken = mine.token,
    }
    local sent, id = server:request("polypilot/chat/send", params, function(err, result)
      finish(mine, err and util.problem(err) or nil, util.value(result))
    end, api.nvim_get_current_buf())
    mine.id = id
    if not sent then
      finish(mine, { message = "the server has gone", cure = ":PolypilotRestart starts it again" })
    end
  end)
end

--- Stops the answer that is being written; what came stays.
---@return boolean stopped whether there was one
function M.stop()
  local mine = turn
  if not mine then
    return false
  end
  mine.stopped = true
  if mine.client and mine.id then
    mine.client:cancel_request(mine.id)
  end
  -- 0.11 swallows the answer to a cancelled request when it is an error, so it isn't waited for.
  finish(mine, nil, {})
  return true
end

--- A new session: the transcript is emptied, and the server told to forget the old one.
function M.new()
  M.stop()
  local old = session
  session, attachments = nil, {}
  if old and client.running() then
    client.request("polypilot/chat/close", { sessionId = old }, function() end)
  end
  transcript.clear()
  titles()
end

local function send_prompt()
  -- What was typed stays in the prompt while it can't be sent.
  if not told_busy() then
    vim.cmd.stopinsert()
    M.send(windows.take_prompt())
  end
end

local function map(bufnr, modes, key, action, desc)
  if key then
    vim.keymap.set(modes, key, action, { buffer = bufnr, desc = "Polypilot: " .. desc })
  end
end

local function map_keys()
  local keys = config.current.chat.keys
  local above, prompt = windows.buffers()
  map(prompt, "n", keys.send, send_prompt, "send")
  map(prompt, "i", keys.send_insert, send_prompt, "send")
  for _, bufnr in ipairs({ above, prompt }) do
    map(bufnr, "n", keys.stop, M.stop, "stop the answer")
    map(bufnr, "n", keys.new, M.new, "new session")
    map(bufnr, "n", keys.close, windows.close, "close the chat")
  end
  if keys.stop then
    vim.keymap.set("i", keys.stop, function()
      return turn and '<Cmd>lua require("polypilot.chat").stop()<CR>' or keys.stop
    end, { buffer = prompt, expr = true, desc = "Polypilot: stop the answer" })
  end
end

--- Adds what is sent with the next message.
---@param attachment polypilot.Attachment|nil
function M.attach(attachment)
  if attachment then
    table.insert(attachments, attachment)
    titles()
  end
end

function M.open()
  windows.open()
  map_keys()
  titles()
end

function M.setup()
  client.when_gone(function()
    session = nil
    if turn then
      finish(turn, {
        message = "the server ended before the answer was complete",
        cure = ":PolypilotRestart starts it again, :PolypilotLog shows why",
      })
    end
  end)
  api.nvim_create_autocmd("User", {
    group = api.nvim_create_augroup("polypilot.chat", {}),
    pattern = "PolypilotStatus",
    callback = titles,
  })
end

return M
