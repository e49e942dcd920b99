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
  else
    options.omnifunc = "v:lua.require'polypilot.chat.complete'.omnifunc"
  end
  return bufnr
end

---@return integer transcript
---@return integer prompt
function M.buffers()
  return make_buffer("transcript"), make_buffer("prompt")
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
    set("foldexpr", "v:lua.require'polypilot.chat.transcript'.foldexpr(v:lnum)")
    set("foldtext", "v:lua.require'polypilot.chat.transcript'.foldtext()")
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

--- Puts text into the prompt.
---@param text string
function M.put_prompt(text)
  local _, prompt = M.buffers()
  api.nvim_buf_set_lines(prompt, 0, -1, false, vim.split(text, "\n", { plain = true }))
end

---@return integer|nil line of the transcript's cursor
function M.cursor_line()
  local window = valid_window("transcript")
  return window and api.nvim_win_get_cursor(window)[1]
end

--- The window in front that is not the chat's, if there is one.
---@return integer|nil
function M.other()
  local function is_other(window)
    return window ~= windows.transcript
      and window ~= windows.prompt
      and api.nvim_win_get_config(window).relative == ""
  end
  local before = vim.fn.win_getid(vim.fn.winnr("#"))
  for _, window in ipairs({ api.nvim_get_current_win(), before, unpack(api.nvim_tabpage_list_wins(0)) }) do
    if window ~= 0 and api.nvim_win_is_valid(window) and is_other(window) then
      return window
    end
  end
  return nil
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

return M
