--- Pure functions on text and positions. Columns are bytes, counted from 0, unless said otherwise.
local M = {}

--- Buffers hold no line ends, whatever 'fileformat' is.
---@param text string
---@return string
function M.normalise(text)
  return (text:gsub("\r\n?", "\n"))
end

---@param line string
---@param encoding "utf-8"|"utf-16"|"utf-32"
---@param character integer in that encoding; past the end means the end
---@return integer column
function M.column(line, encoding, character)
  return vim.str_byteindex(line, encoding, character, false)
end

---@param line string
---@param encoding "utf-8"|"utf-16"|"utf-32"
---@param column integer
---@return integer character
function M.character(line, encoding, column)
  return vim.str_utfindex(line, encoding, math.min(column, #line), false)
end

--- How much of a text was taken, as LSP's clients tell it.
---@param raw string with the line ends that it came with
---@param bytes integer of the normalised text
---@return integer units of UTF-16
function M.accepted_length(raw, bytes)
  local at = 0
  for _ = 1, bytes do
    at = at + (raw:sub(at + 1, at + 2) == "\r\n" and 2 or 1)
  end
  local taken = raw:sub(1, at)
  return vim.str_utfindex(taken, "utf-16", #taken, false)
end

--- The first word of a text, with the blanks and line ends before it.
---@param text string
---@return string
function M.word(text)
  local found = vim.fn.matchstr(text, [[^\_s*\%(\k\+\|\%(\k\@!\S\)\+\)\=]])
  return found ~= "" and found or text
end

--- The text up to its next line end; a line end at the very start belongs to the line after it.
---@param text string
---@return string
function M.line(text)
  return (text:match("^\n?[^\n]*"))
end

---@param text string
---@return string[]
local function characters(text)
  return vim.fn.split(text, "\\zs")
end

--- How `wanted` comes of `present` by insertions alone, as text to draw between what is there.
---@param wanted string
---@param present string
---@return { offset: integer, text: string }[]|nil parts offsets into `present`; nil: impossible
function M.insertions(wanted, present)
  if vim.endswith(wanted, present) then
    return { { offset = 0, text = wanted:sub(1, #wanted - #present) } }
  end
  local parts, offset, text = {}, 0, ""
  local rest = characters(present)
  local at = 1
  for _, char in ipairs(characters(wanted)) do
    if char == rest[at] then
      if text ~= "" then
        parts[#parts + 1] = { offset = offset, text = text }
      end
      offset, text, at = offset + #char, "", at + 1
    else
      text = text .. char
    end
  end
  if at <= #rest then
    return nil
  end
  if text ~= "" then
    parts[#parts + 1] = { offset = offset, text = text }
  end
  return parts
end

--- A line as it may be drawn: tabs as wide as the buffer shows them, control characters spelt out.
---@param line string
---@param start integer the screen column it begins at
---@param tabstop integer
---@return string
function M.drawable(line, start, tabstop)
  local out, column = {}, start
  for i, piece in ipairs(vim.split(line, "\t", { plain = true })) do
    if i > 1 then
      local width = tabstop - column % tabstop
      out[#out + 1] = (" "):rep(width)
      column = column + width
    end
    piece = vim.fn.strtrans(piece)
    out[#out + 1] = piece
    column = column + vim.api.nvim_strwidth(piece)
  end
  return table.concat(out)
end

return M
