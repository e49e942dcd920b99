--- The chat's two windows: the transcript, and below it the prompt.
---
--- What a model wrote is only ever text here: it is put into a buffer that no modeline is read
--- from, that isn't a file, and that Neovim shows control characters of spelt out.
local config = require("polypilot.config")
local util = require("polypilot.util")

local api = vim.api

local M = {}

---@type { transcript: integer|nil, prompt: integer|nil }
local buffers = {}
---@type { transcript: integer|nil, prompt: integer|nil }
local windows = {}
---@type table<integer, boolean> transcript lines that are folded away
local folded = {}
---@type string|nil kind of the text that was appended last
local last_kind
---@type string|nil the code fence that is open in the answer
local fence
---@type string the answer's line that has no end yet
local tail = ""

local function valid_window(name)
  local window = windows[name]
  return window and api.nvim_win_is_valid(window) and window or nil
end

local function make_buffer(name)
  local bufnr = buffers[name]
  if bufnr and api.nvim_buf_is_valid(bufnr) then
    return bufnr
  end
  bufnr = api.nvim_create_buf(false, true)
  buffers[name] = bufnr
  local options = vim.bo[bufnr]
  options.bufhidden = "hide"
  options.swapfile = false
  options.undofile = false
  options.modeline = false
  api.nvim_buf_set_name(bufnr, "polypilot://" .. name)
  options.filetype = "markdown"
  -- After the filetype plugin, which may have its own ideas.
  options.modeline = false
  options.textwidth = 0
  -- The syntax file of 0.11 marks every lone underscore as an error.
  pcall(vim.treesitter.start, bufnr, "markdown")
  if name == "transcript" then
    options.modifiable = false
    folded = {}
  end
  return bufnr
end

---@return integer transcript
---@return integer prompt
function M.buffers()
  return make_buffer("transcript"), make_buffer("prompt")
end

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

local function set_window_options(window, name)
  local function set(option, value)
    api.nvim_set_option_value(option, value, { scope = "local", win = window })
  end
  set("wrap", true)
  set("linebreak", true)
  set("breakindent", true)
  set("number", false)
  set("relativenumber", false)
  set("signcolumn", "no")
  set("list", false)
  set("spell", false)
  set("winfixbuf", true)
  if name == "transcript" then
    set("foldmethod", "expr")
    set("foldexpr", "v:lua.require'polypilot.chat.view'.foldexpr(v:lnum)")
    set("foldtext", "v:lua.require'polypilot.chat.view'.foldtext()")
    set("foldlevel", 0)
    set("foldminlines", 0)
    set("foldenable", true)
  else
    set("winfixheight", true)
  end
end

local function open_column()
  local chat = config.current.chat
  local vertical = chat.position == "right" or chat.position == "left"
  local total = vertical and vim.o.columns or vim.o.lines
  local size = chat.size < 1 and math.floor(total * chat.size) or math.floor(chat.size)
  return api.nvim_open_win(buffers.transcript, false, {
    split = ({ right = "right", left = "left", top = "above", bottom = "below" })[chat.position],
    win = -1,
    [vertical and "width" or "height"] = math.max(size, 10),
  })
end

---@return boolean
function M.is_open()
  return valid_window("transcript") ~= nil and valid_window("prompt") ~= nil
end

function M.close()
  for _, name in ipairs({ "prompt", "transcript" }) do
    local window = valid_window(name)
    windows[name] = nil
    -- The last window of all can't be closed.
    if window and not pcall(api.nvim_win_close, window, true) then
      api.nvim_set_option_value("winfixbuf", false, { scope = "local", win = window })
      api.nvim_win_set_buf(window, api.nvim_create_buf(true, false))
    end
  end
end

--- Opens both windows where they aren't, and puts the cursor into the prompt.
function M.open()
  M.buffers()
  if not M.is_open() then
    M.close()
    windows.transcript = open_column()
    set_window_options(windows.transcript, "transcript")
    windows.prompt = api.nvim_open_win(buffers.prompt, false, {
      split = "below",
      win = windows.transcript,
      height = config.current.chat.prompt_height,
    })
    set_window_options(windows.prompt, "prompt")
    local group = api.nvim_create_augroup("polypilot.chat.windows", {})
    api.nvim_create_autocmd("WinClosed", {
      group = group,
      callback = function(event)
        local window = tonumber(event.match)
        if window == windows.transcript or window == windows.prompt then
          vim.schedule(M.close)
          return true
        end
      end,
    })
    M.follow(true)
  end
  api.nvim_set_current_win(windows.prompt)
end

---@param name "transcript"|"prompt"
---@param text string
function M.title(name, text)
  local window = valid_window(name)
  if window then
    -- "%<" at the end: a title that is too long loses its end, not its beginning.
    local bar = util.clean(text):gsub("%%", "%%%%") .. "%<"
    api.nvim_set_option_value("winbar", bar, { scope = "local", win = window })
  end
end

--- Takes the prompt's text, and empties it.
---@return string
function M.take_prompt()
  local _, prompt = M.buffers()
  local text = vim.trim(table.concat(api.nvim_buf_get_lines(prompt, 0, -1, false), "\n"))
  api.nvim_buf_set_lines(prompt, 0, -1, false, {})
  return text
end

--- Keeps the end in view, unless the user has scrolled back.
---@param always? boolean
function M.follow(always)
  local window = valid_window("transcript")
  if not window then
    return
  end
  local last = api.nvim_buf_line_count(buffers.transcript)
  local at = api.nvim_win_get_cursor(window)[1]
  if always or at >= M.seen_last then
    api.nvim_win_set_cursor(window, { last, 0 })
  end
  M.seen_last = last
end
---@type integer the last line at the time of the last `follow`
M.seen_last = 1

---@param change fun(bufnr: integer)
local function edit(change)
  local bufnr = M.buffers()
  vim.bo[bufnr].modifiable = true
  change(bufnr)
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].modified = false
  M.follow()
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
  local bufnr = M.buffers()
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
