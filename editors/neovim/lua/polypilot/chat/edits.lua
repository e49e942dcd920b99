--- Edits that an answer proposes: shown as diffs, taken whole or by the hunk, or turned down.
local client = require("polypilot.client")
local transcript = require("polypilot.chat.transcript")
local util = require("polypilot.util")
local windows = require("polypilot.chat.windows")

local M = {}

---@class polypilot.ShownEdit lines are the transcript's
---@field id string
---@field label string
---@field first integer
---@field last integer
---@field hunks { line: integer, header: string }[]
---@field done boolean

---@type polypilot.ShownEdit[]
local shown = {}

--- A diff as the transcript shows it.
---@param uri string
---@param diff string
---@return string label
---@return integer first line of it
function M.draw(uri, diff)
  local label = util.name_of(uri)
  return label, transcript.diff(label, diff)
end

--- A proposed edit.
---@param value { id?: string, uri: string, diff: string, refused?: string }
function M.show(value)
  local refused = util.value(value.refused)
  if refused then
    return transcript.note(("no edit of %s: %s"):format(util.name_of(value.uri), refused))
  end
  local label, first = M.draw(value.uri, value.diff)
  local hunks, lines = {}, vim.split(value.diff, "\n", { plain = true })
  for index, line in ipairs(lines) do
    if vim.startswith(line, "@@") then
      hunks[#hunks + 1] = { line = first + index - 1, header = line }
    end
  end
  shown[#shown + 1] = {
    id = value.id,
    label = label,
    first = first,
    last = first + #lines - 1,
    hunks = hunks,
    done = false,
  }
end

function M.clear()
  shown = {}
end

---@return polypilot.ShownEdit[] those that wait for the user
function M.pending()
  return vim.tbl_filter(function(each)
    return not each.done
  end, shown)
end

--- The edit at the transcript's cursor, else the last one; and the hunk there.
---@return polypilot.ShownEdit|nil
---@return integer|nil hunk from 0
local function here()
  local line = windows.cursor_line()
  for _, edit in ipairs(M.pending()) do
    if line and line >= edit.first - 2 and line <= edit.last + 1 then
      local found
      for index, hunk in ipairs(edit.hunks) do
        found = line >= hunk.line and index - 1 or found
      end
      return edit, found
    end
  end
  local pending = M.pending()
  return pending[#pending], nil
end

---@param edit polypilot.ShownEdit
---@param hunks integer[]|nil all of them without
local function accept(edit, hunks)
  client.request("polypilot/edit/accept", { id = edit.id, hunks = hunks }, function(problem, result)
    if problem then
      return util.report(problem)
    end
    if not result.applied then
      local why = util.value(result.reason) or "the editor did not apply it"
      return util.notify(("%s: %s"):format(edit.label, why), vim.log.levels.WARN)
    end
    edit.done = util.value(result.state) ~= "open"
    transcript.note(
      hunks and ("hunk %d of %s was applied"):format(hunks[1] + 1, edit.label)
        or ("the edit of %s was applied"):format(edit.label)
    )
  end)
end

---@param edit polypilot.ShownEdit
local function reject(edit)
  client.request("polypilot/edit/reject", { id = edit.id }, function(problem)
    if problem then
      return util.report(problem)
    end
    edit.done = true
    transcript.note(("the edit of %s was turned down"):format(edit.label))
  end)
end

local function with_edit(call)
  return function()
    local edit, hunk = here()
    if not edit then
      return util.notify("no edit is proposed")
    end
    call(edit, hunk)
  end
end

M.accept = with_edit(function(edit)
  accept(edit)
end)
M.accept_hunk = with_edit(function(edit, hunk)
  accept(edit, { hunk or 0 })
end)
M.reject = with_edit(reject)

--- A list of what can be done with the edits that wait.
function M.choose()
  local choices = {}
  for _, edit in ipairs(M.pending()) do
    local function add(label, call)
      choices[#choices + 1] = { label = ("%s: %s"):format(edit.label, label), call = call }
    end
    add("apply", function()
      accept(edit)
    end)
    for index, hunk in ipairs(#edit.hunks > 1 and edit.hunks or {}) do
      add("apply " .. hunk.header, function()
        accept(edit, { index - 1 })
      end)
    end
    add("turn down", function()
      reject(edit)
    end)
  end
  if #choices == 0 then
    return util.notify("no edit is proposed")
  end
  vim.ui.select(choices, {
    prompt = "Proposed edits",
    format_item = function(each)
      return util.clean(each.label)
    end,
  }, function(choice)
    if choice then
      choice.call()
    end
  end)
end

return M
