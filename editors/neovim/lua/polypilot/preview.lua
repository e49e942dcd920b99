--- Draws one suggestion as ghost text. Nothing in the buffer changes.
local text = require("polypilot.text")

local api = vim.api
local namespace = api.nvim_create_namespace("polypilot.ghost")

local M = { namespace = namespace }

function M.highlights()
  api.nvim_set_hl(0, "PolypilotGhost", { link = "Comment", default = true })
  api.nvim_set_hl(0, "PolypilotCount", { link = "NonText", default = true })
  api.nvim_set_hl(0, "PolypilotReplaced", { strikethrough = true, default = true })
end

---@param bufnr integer
function M.clear(bufnr)
  if api.nvim_buf_is_valid(bufnr) then
    api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  end
end

local function mark(bufnr, row, column, options)
  options.hl_mode = "combine"
  options.undo_restore = false
  api.nvim_buf_set_extmark(bufnr, namespace, row, column, options)
end

local function chunk(line, start, tabstop)
  return { { text.drawable(line, start, tabstop), "PolypilotGhost" } }
end

--- The first line of a suggestion, among what already stands to the right of the cursor.
local function first_line(bufnr, row, column, line, view)
  local screen = vim.fn.strdisplaywidth(view.before)
  if view.below and view.tail ~= "" then
    -- The rest of the line will move to the end of the last line: cover it here.
    local shown = text.drawable(line, screen, view.tabstop)
    local covered = vim.fn.strdisplaywidth(view.replaced .. view.tail, screen)
    local pad = (" "):rep(covered - api.nvim_strwidth(shown))
    mark(bufnr, row, column, {
      virt_text = { { shown .. pad, "PolypilotGhost" } },
      virt_text_pos = "overlay",
    })
    return
  end
  local parts = text.insertions(line, view.replaced)
  if not parts then
    mark(bufnr, row, column, {
      end_col = column + #view.replaced,
      hl_group = "PolypilotReplaced",
    })
    parts = { { offset = 0, text = line } }
  end
  for _, part in ipairs(parts) do
    if part.text ~= "" then
      local before = view.before .. view.replaced:sub(1, part.offset)
      mark(bufnr, row, column + part.offset, {
        virt_text = chunk(part.text, vim.fn.strdisplaywidth(before), view.tabstop),
        virt_text_pos = "inline",
      })
    end
  end
end

---@param bufnr integer
---@param row integer
---@param column integer the cursor's
---@param rest string what accepting would insert
---@param replaced string what accepting would take away, right of the cursor
---@param count? { index: integer, total: integer }
function M.draw(bufnr, row, column, rest, replaced, count)
  M.clear(bufnr)
  local line = api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ""
  local lines = vim.split(rest, "\n", { plain = true })
  local view = {
    before = line:sub(1, column),
    replaced = replaced,
    tail = line:sub(column + #replaced + 1),
    below = #lines > 1,
    tabstop = vim.bo[bufnr].tabstop,
  }
  first_line(bufnr, row, column, lines[1], view)
  if view.below then
    local below = vim
      .iter(lines)
      :skip(1)
      :map(function(each)
        return chunk(each, 0, view.tabstop)
      end)
      :totable()
    if view.tail ~= "" then
      local width = api.nvim_strwidth(below[#below][1][1])
      table.insert(below[#below], { text.drawable(view.tail, width, view.tabstop), "Normal" })
    end
    mark(bufnr, row, column, { virt_lines = below })
  end
  if count and count.total > 1 then
    mark(bufnr, row, #line, {
      virt_text = { { ("%d/%d"):format(count.index, count.total), "PolypilotCount" } },
      virt_text_pos = "eol",
    })
  end
end

return M
