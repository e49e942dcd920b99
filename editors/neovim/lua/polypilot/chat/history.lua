--- Conversations of before: listed, opened again, renamed, exported, deleted.
local answer = require("polypilot.chat.answer")
local client = require("polypilot.client")
local edits = require("polypilot.chat.edits")
local transcript = require("polypilot.chat.transcript")
local util = require("polypilot.util")

local M = {}

local function label(row)
  local when = os.date("%Y-%m-%d %H:%M", math.floor(row.updated))
  local parts = { row.title, when, ("%d messages"):format(row.messages) }
  if util.value(row.excerpt) then
    parts[#parts + 1] = row.excerpt
  end
  return util.clean(table.concat(parts, " · ")):gsub("\n", " ")
end

--- Lists conversations and opens the one that is chosen.
---@param query string empty: all
---@param opened fun(session: table)
function M.choose(query, opened)
  client.request("polypilot/chat/sessions", { query = query }, function(problem, rows)
    if problem then
      return util.report(problem)
    end
    if not rows or #rows == 0 then
      return util.notify("no conversation was found")
    end
    vim.ui.select(rows, { prompt = "Conversations", format_item = label }, function(row)
      if row then
        M.open(row.sessionId, opened)
      end
    end)
  end)
end

local function draw_answer(message)
  local mine = answer.new("")
  answer.head(mine, message)
  for _, event in ipairs(util.value(message.events) or {}) do
    answer.take(mine, event)
  end
  answer.flush(mine)
  local closing = answer.closing(mine, message)
  if closing ~= "" then
    transcript.note(closing)
  end
  return message.id
end

--- Puts a whole conversation on screen.
---@param conversation table
---@return string|nil id of the last question
---@return string|nil id of the last answer
function M.draw(conversation)
  transcript.clear()
  edits.clear()
  local question, last
  for _, message in ipairs(conversation.messages) do
    if message.role == "user" then
      transcript.heading("You", message.text)
      question = message.id
    elseif message.role == "summary" then
      transcript.note("what came before, in short: " .. message.text)
    else
      last = draw_answer(message)
    end
  end
  return question, last
end

---@param id string
---@param opened fun(session: table, question: string|nil, answer: string|nil)
function M.open(id, opened)
  client.request("polypilot/chat/load", { sessionId = id }, function(problem, conversation)
    if problem then
      return util.report(problem)
    end
    local question, last = M.draw(conversation)
    opened(conversation.session, question, last)
  end)
end

---@param id string
---@param path string empty: into a new buffer
function M.export(id, path)
  client.request("polypilot/chat/export", { sessionId = id }, function(problem, result)
    if problem then
      return util.report(problem)
    end
    local lines = vim.split(result.markdown, "\n", { plain = true })
    if path ~= "" then
      vim.fn.writefile(lines, path)
      return util.notify("written: " .. path)
    end
    vim.cmd("botright new")
    vim.bo.modeline, vim.bo.bufhidden, vim.bo.buftype = false, "wipe", "nofile"
    vim.api.nvim_buf_set_lines(0, 0, -1, false, lines)
    vim.bo.filetype = "markdown"
  end)
end

return M
