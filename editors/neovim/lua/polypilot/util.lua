--- What several modules need: messages that are safe to show, and problems in one shape.
local M = {}

---@class polypilot.Problem what went wrong, as the server words it
---@field message string
---@field code? string|integer a word such as "auth", or a JSON-RPC code
---@field cure? string what the user can do about it

--- Text from outside, made harmless: no escape sequence reaches the screen.
---@param text any
---@return string
function M.clean(text)
  local lines = vim.split(tostring(text), "\r?\n")
  return table.concat(vim.tbl_map(vim.fn.strtrans, lines), "\n")
end

---@param text any
---@param level? integer one of vim.log.levels; INFO unless told
function M.notify(text, level)
  vim.notify(M.clean(text), level or vim.log.levels.INFO, { title = "Polypilot" })
end

---@param problem polypilot.Problem
---@return string the message, and its cure on a line of its own
function M.describe(problem)
  local text = problem.message
  if problem.cure and problem.cure ~= "" then
    text = text .. "\n" .. problem.cure
  end
  return M.clean(text)
end

---@param problem polypilot.Problem
function M.report(problem)
  M.notify(M.describe(problem), vim.log.levels.ERROR)
end

---@return integer row of the cursor, from 0
---@return integer column its byte, from 0
function M.cursor()
  local row, column = unpack(vim.api.nvim_win_get_cursor(0))
  return row - 1, column
end

--- A JSON-RPC error in our shape.
---@param err table { code, message, data? }
---@return polypilot.Problem
function M.problem(err)
  local data = type(err.data) == "table" and err.data or {}
  return {
    message = tostring(err.message or "the request failed"),
    code = data.code or err.code,
    cure = type(data.cure) == "string" and data.cure or nil,
  }
end

--- JSON's null arrives as a value that is true in a condition.
---@generic T
---@param value T|vim.NIL
---@return T|nil
function M.value(value)
  if value == vim.NIL then
    return nil
  end
  return value
end

--- A document as it is called on screen. What is refused may have any name.
---@param uri string
---@return string
function M.name_of(uri)
  local path = vim.startswith(uri, "file:") and vim.uri_to_fname(uri) or uri
  return vim.fn.fnamemodify(path, ":~:.")
end

--- A table that is sent as a JSON object even when it is empty.
---@param value table
---@return table
function M.object(value)
  return next(value) == nil and vim.empty_dict() or value
end

return M
