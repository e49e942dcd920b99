--- The chat: sends the prompt, shows the answer while it is written.
local answer = require("polypilot.chat.answer")
local client = require("polypilot.client")
local config = require("polypilot.config")
local edits = require("polypilot.chat.edits")
local selection = require("polypilot.chat.selection")
local state = require("polypilot.chat.state")
local titles = require("polypilot.chat.titles")
local transcript = require("polypilot.chat.transcript")
local util = require("polypilot.util")
local windows = require("polypilot.chat.windows")

local api = vim.api

local M = {}

local turns = 0

---@param mine polypilot.Turn
---@param problem polypilot.Problem|nil
---@param result table|nil
local function finish(mine, problem, result)
  client.on_progress(mine.token, nil)
  if state.turn ~= mine then
    return
  end
  answer.flush(mine)
  state.turn = nil
  result = result or {}
  state.session = util.value(result.sessionId) or state.session
  state.answered = util.value(result.messageId) or mine.message or state.answered
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
  titles.show()
  api.nvim_exec_autocmds("User", { pattern = "PolypilotChatDone", modeline = false })
end

---@return boolean
function M.busy()
  return state.turn ~= nil
end

--- Whether an answer is being written; then the user is told.
---@return boolean
function M.told_busy()
  if state.turn then
    util.notify("an answer is still being written; :PolypilotStop ends it", vim.log.levels.WARN)
  end
  return state.turn ~= nil
end

local function on_delta(mine)
  return function(value)
    if type(value) ~= "table" or state.turn ~= mine then
      return
    end
    answer.take(mine, value)
    state.session = mine.session or state.session
    state.question, state.answered = mine.question or state.question, mine.message or state.answered
    if mine.title and mine.title ~= state.chosen.title then
      state.chosen.title = util.clean(mine.title)
      titles.show()
    end
  end
end

--- What the chat sends besides the text: who answers, for a new conversation, and the scene.
local function parameters(mine, text, server)
  local window = windows.other()
  local bufnr = window and api.nvim_win_get_buf(window)
  local context = selection.parameters(state.attachments, server.offset_encoding)
  local params = {
    text = text,
    sessionId = state.session,
    replaces = state.replaces,
    context = context,
    scene = bufnr and selection.scene(bufnr, state.attachments, server.offset_encoding),
    partialResultToken = mine.token,
  }
  if not state.session then
    for _, name in ipairs({ "provider", "model", "effort", "mode" }) do
      params[name] = state.chosen[name]
    end
  end
  state.attachments, state.replaces = {}, nil
  return params
end

--- Sends one message; the answer goes to the transcript.
---@param text string empty only where an answer is to be given again
function M.send(text)
  if vim.trim(text) == "" and not state.replaces then
    return
  end
  if M.told_busy() then
    return
  end
  turns = turns + 1
  local mine = answer.new("polypilot-chat-" .. turns)
  state.turn = mine
  if text ~= "" then
    transcript.heading("You", text)
  end
  windows.follow(true)
  titles.show()
  client.on_progress(mine.token, on_delta(mine))
  client.ensure(function(problem, server)
    if not server or mine.stopped then
      return finish(mine, problem)
    end
    mine.client = server
    local params = parameters(mine, text, server)
    titles.show()
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
  local mine = state.turn
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
  local old = state.session
  state.session, state.attachments = nil, {}
  state.question, state.answered, state.replaces = nil, nil, nil
  state.chosen = { mode = state.chosen.mode }
  edits.clear()
  if old and client.running() then
    client.request("polypilot/chat/close", { sessionId = old }, function() end)
  end
  transcript.clear()
  titles.show()
end

local function send_prompt()
  -- What was typed stays in the prompt while it can't be sent.
  if not M.told_busy() then
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
  map(above, "n", keys.accept, edits.accept, "apply the edit here")
  map(above, "n", keys.accept_hunk, edits.accept_hunk, "apply the hunk here")
  map(above, "n", keys.reject, edits.reject, "turn the edit here down")
  if keys.stop then
    vim.keymap.set("i", keys.stop, function()
      return state.turn and '<Cmd>lua require("polypilot.chat").stop()<CR>' or keys.stop
    end, { buffer = prompt, expr = true, desc = "Polypilot: stop the answer" })
  end
end

--- Adds what is sent with the next message.
---@param attachment polypilot.Attachment|nil
function M.attach(attachment)
  if attachment then
    table.insert(state.attachments, attachment)
    titles.show()
  end
end

function M.open()
  windows.open()
  map_keys()
  titles.show()
end

function M.setup()
  client.when_gone(function()
    state.session = nil
    if state.turn then
      finish(state.turn, {
        message = "the server ended before the answer was complete",
        cure = ":PolypilotRestart starts it again, :PolypilotLog shows why",
      })
    end
  end)
  api.nvim_create_autocmd("User", {
    group = api.nvim_create_augroup("polypilot.chat", {}),
    pattern = "PolypilotStatus",
    callback = titles.show,
  })
end

return M
