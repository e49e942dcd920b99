--- One answer while it is written: from the server's events to the transcript.
local transcript = require("polypilot.chat.transcript")
local util = require("polypilot.util")

--- A screenful of deltas is put on screen at once; each alone would be drawn for nothing.
local FLUSH_MS = 25

local M = {}

---@class polypilot.Turn
---@field token string
---@field client? vim.lsp.Client
---@field id? integer the request's
---@field deltas { kind: string, text: string }[]
---@field stopped boolean
---@field headed boolean
---@field session? string as the server names it
---@field message? string the answer's id
---@field question? string the id of what it answers
---@field title? string
---@field usage? table
---@field calls table<string, string> what tools do, by the call

---@type polypilot.Turn|nil the one that is being written
local current

---@param token string
---@return polypilot.Turn
function M.new(token)
  local turn = {
    token = token,
    deltas = {},
    stopped = false,
    headed = false,
    calls = {},
  }
  if token ~= "" then
    current = turn
  end
  return turn
end

--- Puts on screen what is held back of the answer that is being written.
function M.flush_all()
  if current then
    M.flush(current)
  end
end

--- The answer's heading, once; who answers is known from its first event.
---@param mine polypilot.Turn
---@param value table
function M.head(mine, value)
  if mine.headed then
    return
  end
  mine.headed = true
  local name = util.value(value.provider) or "Polypilot"
  local model = util.value(value.model)
  transcript.heading(model and model ~= "" and ("%s / %s"):format(name, model) or name)
end

--- Puts on screen what has come and was held back.
---@param mine polypilot.Turn
function M.flush(mine)
  local deltas = mine.deltas
  mine.deltas = {}
  if #deltas > 0 then
    M.head(mine, {})
  end
  local index = 1
  while deltas[index] do
    local kind, pieces = deltas[index].kind, {}
    while deltas[index] and deltas[index].kind == kind do
      pieces[#pieces + 1] = deltas[index].text
      index = index + 1
    end
    transcript.stream(kind, table.concat(pieces))
  end
end

local function queue(mine, kind, text)
  if type(text) ~= "string" then
    return
  end
  table.insert(mine.deltas, { kind = kind, text = text })
  if #mine.deltas == 1 then
    vim.defer_fn(function()
      M.flush(mine)
    end, FLUSH_MS)
  end
end

local function remark(mine, text)
  M.flush(mine)
  transcript.note(text)
end

---@type table<string, fun(mine: polypilot.Turn, value: table)>
local receive = {
  session = function(mine, value)
    mine.session, mine.message = value.sessionId, value.messageId
    mine.question = util.value(value.questionId)
    M.head(mine, value)
  end,
  title = function(mine, value)
    mine.title = value.title
  end,
  context = function(mine, value)
    for _, item in ipairs(util.value(value.items) or {}) do
      local name = util.value(item.name) or util.name_of(item.uri)
      local refused = util.value(item.refused)
      if refused then
        remark(mine, ("%s was not sent: %s"):format(name, refused))
      else
        local redacted = util.value(item.redacted) or 0
        remark(
          mine,
          ("with %s, %s tokens%s"):format(
            name,
            util.value(item.tokens) or "?",
            redacted ~= 0 and (", %s secrets taken out"):format(redacted) or ""
          )
        )
      end
    end
  end,
  text = function(mine, value)
    queue(mine, "text", value.text)
  end,
  thought = function(mine, value)
    queue(mine, "thought", value.text)
  end,
  refusal = function(mine, value)
    queue(mine, "refusal", value.text)
  end,
  toolCall = function(mine, value)
    mine.calls[value.id] = util.value(value.title) or value.name
    remark(mine, ("tool: %s"):format(mine.calls[value.id]))
  end,
  toolUpdate = function(mine, value)
    if value.status == "failed" then
      local text = util.value(value.text) or "it failed"
      remark(mine, ("%s: %s"):format(mine.calls[value.id] or "tool", text))
    end
  end,
  plan = function(mine, value)
    local signs = { completed = "☑", in_progress = "▶", pending = "☐" }
    local lines = vim.tbl_map(function(entry)
      return ("%s %s"):format(signs[entry.status] or "☐", entry.content)
    end, value.entries)
    remark(mine, table.concat(lines, "\n"))
  end,
  citation = function(mine, value)
    remark(mine, vim.trim(("source: %s %s"):format(value.title, value.url)))
  end,
  compacted = function(mine, value)
    remark(
      mine,
      ("the %d oldest messages are sent as a summary from now on: %d tokens, not %d"):format(
        value.messages,
        value.after,
        value.before
      )
    )
  end,
  edit = function(mine, value)
    M.flush(mine)
    require("polypilot.chat.edits").show(value)
  end,
  usage = function(mine, value)
    mine.usage = value
  end,
  notice = function(mine, value)
    remark(mine, value.message)
  end,
}

--- Puts one event of the answer on screen; those of no known kind are passed over.
---@param mine polypilot.Turn
---@param value table
function M.take(mine, value)
  local receive_one = receive[value.kind]
  if receive_one then
    receive_one(mine, value)
  end
end

local reasons = {
  length = "cut off: the answer's length limit was reached",
  cancelled = "stopped",
  refusal = "the model refused",
  max_steps = "stopped at the limit of steps; another message goes on",
  budget = "stopped at the budget",
}

--- The line below an answer: why it ended, who gave it, what it took.
---@param mine polypilot.Turn
---@param result table
---@return string
function M.closing(mine, result)
  local parts = { reasons[result.stopReason] }
  local name, model = util.value(result.provider), util.value(result.model)
  if name then
    parts[#parts + 1] = model and ("%s / %s"):format(name, model) or name
  end
  local usage = util.value(result.usage) or mine.usage or {}
  local input, output = util.value(usage.inputTokens), util.value(usage.outputTokens)
  if input or output then
    parts[#parts + 1] = ("%s tokens in, %s out"):format(input or "?", output or "?")
  end
  local cost = util.value(usage.cost)
  if cost and tonumber(cost) ~= 0 then
    parts[#parts + 1] = ("$%s"):format(cost)
  end
  local last = mine.usage or {}
  local used, window = util.value(last.used), util.value(last.window)
  if used and window then
    parts[#parts + 1] = ("%d%% of the window"):format(math.ceil(100 * used / window))
  end
  return table.concat(parts, " · ")
end

return M
