--- What is sent along with a message: a buffer, or a part of one.
local text = require("polypilot.text")

local api = vim.api

local M = {}

---@class polypilot.Attachment columns are bytes from 0, the end is exclusive
---@field bufnr integer
---@field label string
---@field first? { row: integer, column: integer }
---@field last? { row: integer, column: integer }

local function name(bufnr)
  local path = api.nvim_buf_get_name(bufnr)
  return path == "" and "this buffer" or vim.fn.fnamemodify(path, ":~:.")
end

---@param bufnr integer
---@return polypilot.Attachment
function M.document(bufnr)
  return { bufnr = bufnr, label = name(bufnr) }
end

--- The columns of a characterwise selection of exactly these lines, if that is what it was.
local function columns(bufnr, first, last)
  local from, to = vim.fn.getpos("'<"), vim.fn.getpos("'>")
  if vim.fn.visualmode() ~= "v" or from[2] ~= first or to[2] ~= last then
    return nil
  end
  local line = api.nvim_buf_get_lines(bufnr, last - 1, last, false)[1] or ""
  local stop = math.min(to[3], #line)
  if stop > 0 and vim.o.selection ~= "exclusive" then
    -- The mark is on the last character's first byte.
    stop = stop + vim.str_utf_end(line, stop)
  elseif vim.o.selection == "exclusive" then
    stop = math.max(stop - 1, 0)
  end
  return from[3] - 1, stop
end

---@param bufnr integer
---@param first integer line number
---@param last integer line number, inclusive
---@return polypilot.Attachment
function M.lines(bufnr, first, last)
  local from, to = columns(bufnr, first, last)
  if not to then
    from, to = 0, #(api.nvim_buf_get_lines(bufnr, last - 1, last, false)[1] or "")
  end
  local lines = first == last and ("line %d"):format(first) or ("lines %d-%d"):format(first, last)
  return {
    bufnr = bufnr,
    label = ("%s, %s"):format(name(bufnr), lines),
    first = { row = first - 1, column = from },
    last = { row = last - 1, column = to },
  }
end

local function position(bufnr, point, encoding)
  local line = api.nvim_buf_get_lines(bufnr, point.row, point.row + 1, false)[1] or ""
  return { line = point.row, character = text.character(line, encoding, point.column) }
end

local function range(each, encoding)
  return {
    start = position(each.bufnr, each.first, encoding),
    ["end"] = position(each.bufnr, each.last, encoding),
  }
end

--- What the user looks at: the buffer in front, and what is attached of it as the selection.
---@param bufnr integer
---@param list polypilot.Attachment[]
---@param encoding "utf-8"|"utf-16"|"utf-32"
---@return table|nil
function M.scene(bufnr, list, encoding)
  if vim.bo[bufnr].buftype ~= "" or api.nvim_buf_get_name(bufnr) == "" then
    return nil
  end
  local scene = { buffer = vim.uri_from_bufnr(bufnr) }
  for _, each in ipairs(list) do
    if each.first and api.nvim_buf_is_valid(each.bufnr) then
      scene.selection = { uri = vim.uri_from_bufnr(each.bufnr), range = range(each, encoding) }
    end
  end
  return scene
end

--- As the protocol has them.
---@param list polypilot.Attachment[]
---@param encoding "utf-8"|"utf-16"|"utf-32"
---@return table[]|nil
function M.parameters(list, encoding)
  local out = {}
  for _, each in ipairs(list) do
    if api.nvim_buf_is_valid(each.bufnr) then
      local entry = { kind = "document", uri = vim.uri_from_bufnr(each.bufnr) }
      if each.first then
        entry.kind = "selection"
        entry.range = range(each, encoding)
      end
      out[#out + 1] = entry
    end
  end
  return #out > 0 and out or nil
end

return M
