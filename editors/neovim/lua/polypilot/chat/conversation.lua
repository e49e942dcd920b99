--- What is done with a conversation as a whole: other branches, another model, its place in the list.
local chat = require("polypilot.chat")
local client = require("polypilot.client")
local history = require("polypilot.chat.history")
local state = require("polypilot.chat.state")
local titles = require("polypilot.chat.titles")
local transcript = require("polypilot.chat.transcript")
local util = require("polypilot.util")
local windows = require("polypilot.chat.windows")

local M = {}

--- The last answer once more, on a branch of its own.
function M.retry()
  if chat.told_busy() then
    return
  end
  if not state.session or not state.answered then
    return util.notify("there is no answer to give again")
  end
  state.replaces = state.answered
  transcript.note("once more:")
  chat.send("")
end

--- The last question back into the prompt; what is sent next takes its place.
function M.edit()
  if chat.told_busy() then
    return
  end
  if not state.session or not state.question then
    return util.notify("there is no question to edit")
  end
  client.request("polypilot/chat/load", { sessionId = state.session }, function(problem, whole)
    if problem then
      return util.report(problem)
    end
    for _, message in ipairs(whole.messages) do
      if message.id == state.question then
        state.replaces = state.question
        windows.put_prompt(message.text)
        chat.open()
      end
    end
  end)
end

--- Changes who answers from now on, or what it may use.
---@param changes { provider?: string, model?: string, effort?: string, mode?: string }
function M.configure(changes)
  local function take(problem, info)
    if problem then
      return util.report(problem)
    end
    state.chosen = vim.tbl_extend("force", state.chosen, changes)
    if changes.provider then
      state.chosen.model = info and util.value(info.model) or changes.model
    end
    titles.show()
  end
  if not state.session then
    return take()
  end
  local params = vim.tbl_extend("force", { sessionId = state.session }, changes)
  client.request("polypilot/chat/configure", params, take)
end

--- Opens a conversation of before, chosen from a list.
---@param query? string
function M.history(query)
  if chat.told_busy() then
    return
  end
  history.choose(query or "", function(info, asked, last)
    chat.open()
    state.session, state.attachments, state.replaces = info.sessionId, {}, nil
    state.question, state.answered = asked, last
    state.chosen = {
      title = util.clean(info.title),
      provider = util.value(info.provider),
      model = util.value(info.model),
      mode = info.mode,
    }
    windows.follow(true)
    titles.show()
  end)
end

---@param call fun(id: string)
local function with_session(call)
  if not state.session then
    return util.notify("there is no conversation yet")
  end
  call(state.session)
end

---@param title string
function M.rename(title)
  with_session(function(id)
    client.request("polypilot/chat/rename", { sessionId = id, title = title }, function(problem)
      if problem then
        return util.report(problem)
      end
      state.chosen.title = util.clean(title)
      titles.show()
    end)
  end)
end

---@param path string empty: into a new buffer
function M.export(path)
  with_session(function(id)
    history.export(id, path)
  end)
end

--- Forgets the conversation for good, here and on the disk.
function M.delete()
  with_session(function(id)
    chat.stop()
    client.request("polypilot/chat/delete", { sessionId = id }, function(problem)
      if problem then
        return util.report(problem)
      end
      state.session = nil
      chat.new()
    end)
  end)
end

return M
