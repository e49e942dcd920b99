--- One suggestion, and whether it still fits a buffer that has been typed in since.
---
--- It is held by what surrounds the replaced range: the text before it on its line, and the text
--- after it. So text typed in between, line ends and pairs closed by another plugin included,
--- needs no bookkeeping: what stands there now either begins the suggestion or it doesn't.
local text = require("polypilot.text")

local api = vim.api

---@class polypilot.Offer
---@field text string all of it, from the start of the range; "\n" between lines
---@field row integer from 0
---@field column integer where the range starts
---@field head string the line before the range
---@field tail string the line after the range
---@field line_count integer of the buffer when it was made
---@field item table as the server gave it
local Offer = {}
Offer.__index = Offer

local M = {}

---@param item table an `InlineCompletionItem`
---@param bufnr integer
---@param row integer the cursor's, from 0
---@param column integer the cursor's
---@param encoding "utf-8"|"utf-16"|"utf-32"
---@return polypilot.Offer|nil offer nil for an item that can't be offered at the cursor
function M.new(item, bufnr, row, column, encoding)
  local insert = item.insertText
  item.command = type(item.command) == "table" and item.command or nil
  if type(insert) ~= "string" or insert == "" then
    return nil
  end
  local line = api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ""
  local first, last = column, column
  local range = item.range
  if type(range) == "table" then
    -- LSP 3.18: the range "must begin and end on the same line".
    if range.start.line ~= row or range["end"].line ~= row then
      return nil
    end
    first = text.column(line, encoding, range.start.character)
    last = text.column(line, encoding, range["end"].character)
  end
  if first > column or last < column then
    return nil
  end
  return setmetatable({
    text = text.normalise(insert),
    row = row,
    column = first,
    head = line:sub(1, first),
    tail = line:sub(last + 1),
    line_count = api.nvim_buf_line_count(bufnr),
    item = item,
  }, Offer)
end

--- What is left of it with the cursor here.
---@param bufnr integer
---@param row integer
---@param column integer
---@return string|nil rest nil when it doesn't fit any more
---@return string replaced text after the cursor that accepting replaces
function Offer:rest(bufnr, row, column)
  if row < self.row or (row == self.row and column < self.column) then
    return nil, ""
  end
  local lines = api.nvim_buf_get_lines(bufnr, self.row, row + 1, false)
  if #lines ~= row - self.row + 1 then
    return nil, ""
  end
  local grown = api.nvim_buf_line_count(bufnr) - self.line_count
  if grown ~= row - self.row or not vim.startswith(lines[1], self.head) then
    return nil, ""
  end
  local after = lines[#lines]:sub(column + 1)
  if not vim.endswith(after, self.tail) then
    return nil, ""
  end
  lines[#lines] = lines[#lines]:sub(1, column)
  lines[1] = lines[1]:sub(self.column + 1)
  local typed = table.concat(lines, "\n")
  if not vim.startswith(self.text, typed) then
    return nil, ""
  end
  return self.text:sub(#typed + 1), after:sub(1, #after - #self.tail)
end

return M
