--- The transcript's text: what is appended to it, and what of it is folded away.
local util = require("polypilot.util")
local windows = require("polypilot.chat.windows")

local api = vim.api

local M = {}

---@type table<integer, boolean> lines that are folded away
local folded = {}
---@type integer|nil the buffer they are of
local folded_in
---@type string|nil kind of the text that was appended last
local last_kind
---@type string|nil the code fence that is open in the answer
local fence
---@type string the answer's line that has no end yet
local tail = ""

---@param lnum integer
---@return string
function M.foldexpr(lnum)
  return folded[lnum] and "1" or "0"
end

---@return string
function M.foldtext()
  local count = vim.v.foldend - vim.v.foldstart + 1
  return ("▸ thought, %d %s (za opens it)"):format(count, count == 1 and "line" or "lines")
end

---@param change fun(bufnr: integer)
local function edit(change)
  local bufnr = windows.buffers()
  if bufnr ~= folded_in then -- the one before was wiped out
    folded, folded_in = {}, bufnr
  end
  vim.bo[bufnr].modifiable = true
  change(bufnr)
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].modified = false
  windows.follow()
end

--- Appends at the very end; "\n" begins a new line.
local function append(text, fold)
  edit(function(bufnr)
    local last = api.nvim_buf_line_count(bufnr)
    local lines = vim.split(text, "\n", { plain = true })
    if fold then
      for lnum = last, last + #lines - 1 do
        folded[lnum] = true
      end
    end
    local line = api.nvim_buf_get_lines(bufnr, last - 1, last, false)[1]
    api.nvim_buf_set_text(bufnr, last - 1, #line, last - 1, #line, lines)
  end)
end

--- Begins a paragraph: an empty line, unless the text before ends in one.
local function paragraph()
  local bufnr = windows.buffers()
  local lines = api.nvim_buf_get_lines(bufnr, -3, -1, false)
  if lines[#lines] ~= "" then
    append("\n\n")
  elseif #lines > 1 and lines[#lines - 1] ~= "" then
    append("\n")
  end
end

--- A code fence left open would swallow everything that comes after the answer.
local function watch_fences(text)
  local lines = vim.split(tail .. text, "\n", { plain = true })
  tail = table.remove(lines)
  for _, line in ipairs(lines) do
    local found = line:match("^ ? ? ?(```+)") or line:match("^ ? ? ?(~~~+)")
    if found and not fence then
      fence = found
    elseif found and vim.startswith(found, fence) and line:match("^%s*[`~]+%s*$") then
      fence = nil
    end
  end
end

local function close_fence()
  watch_fences("\n")
  if fence then
    append("\n" .. fence)
  end
  fence, tail = nil, ""
end

--- A heading, with what belongs to it below.
---@param title string
---@param text? string
function M.heading(title, text)
  close_fence()
  paragraph()
  append("## " .. util.clean(title) .. "\n\n" .. (text or ""))
  watch_fences(text or "")
  last_kind = nil
end

--- Streamed text; a new kind begins a new paragraph.
---@param kind "text"|"thought"|"refusal"
---@param text string
function M.stream(kind, text)
  text = text:gsub("\r\n?", "\n")
  local fresh = kind ~= last_kind
  if fresh then
    paragraph()
    text = text:gsub("^\n+", "")
    if text == "" then
      return
    end
    last_kind = kind
  end
  if kind == "thought" then
    append((fresh and "> " or "") .. text:gsub("\n", "\n> "), true)
    return
  end
  watch_fences(text)
  append((fresh and kind == "refusal" and "**Refused:** " or "") .. text)
end

--- One remark of ours, as a paragraph.
---@param text string
function M.note(text)
  close_fence()
  paragraph()
  local lines = vim.split(util.clean(text), "\n", { plain = true })
  append("*" .. table.concat(lines, "*\n*") .. "*")
  last_kind = nil
end

--- A diff, as a block of its own that nothing in it can end.
---@param title string
---@param text string
---@return integer line where the diff itself begins
function M.diff(title, text)
  M.note(title)
  local longest = 2
  for run in text:gmatch("`+") do
    longest = math.max(longest, #run)
  end
  local marks = ("`"):rep(longest + 1)
  append("\n\n" .. marks .. "diff\n")
  local first = api.nvim_buf_line_count((windows.buffers()))
  append((text:gsub("\r\n?", "\n"):gsub("\n$", "")) .. "\n" .. marks)
  return first
end

---@param problem polypilot.Problem
function M.problem(problem)
  close_fence()
  paragraph()
  append("**Error:** " .. util.describe(problem):gsub("\n", "\n\n"))
  last_kind = nil
end

function M.clear()
  edit(function(bufnr)
    api.nvim_buf_set_lines(bufnr, 0, -1, false, {})
  end)
  folded, last_kind, fence, tail = {}, nil, nil, ""
end

return M
