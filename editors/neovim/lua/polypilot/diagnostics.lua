--- Tells the server which problems the editor shows in the current buffer; near the cursor they
--- say what is still missing. Whether they are used, and may be sent, is the server's business.
local client = require("polypilot.client")
local text = require("polypilot.text")

local api = vim.api

local M = {}

local METHOD = "polypilot/diagnostics"
local WAIT_MS = 200

---@type uv.uv_timer_t|nil
local timer
---@type table<integer, { client_id: integer, items: table[] }> what was told last, by buffer
local told = {}

---@param bufnr integer
---@param encoding "utf-8"|"utf-16"|"utf-32"
---@param row integer
---@param column integer
---@return lsp.Position
local function position(bufnr, encoding, row, column)
  local line = api.nvim_buf_get_lines(bufnr, row, row + 1, false)[1] or ""
  return { line = row, character = text.character(line, encoding, column) }
end

---@param bufnr integer
---@param encoding "utf-8"|"utf-16"|"utf-32"
---@return table[]
local function collect(bufnr, encoding)
  return vim.tbl_map(function(each)
    return {
      range = {
        start = position(bufnr, encoding, each.lnum, each.col),
        ["end"] = position(bufnr, encoding, each.end_lnum or each.lnum, each.end_col or each.col),
      },
      severity = each.severity,
      message = each.message,
      source = each.source,
      code = each.code,
    }
  end, vim.diagnostic.get(bufnr))
end

local function tell()
  local bufnr = api.nvim_get_current_buf()
  local server = client.attached(bufnr)
  if not server then
    return
  end
  local items = collect(bufnr, server.offset_encoding)
  local last = told[bufnr]
  local known = last and last.client_id == server.id and last.items or {}
  if vim.deep_equal(known, items) then
    return
  end
  told[bufnr] = { client_id = server.id, items = items }
  server:notify(METHOD, { uri = vim.uri_from_bufnr(bufnr), diagnostics = items })
end

local function later()
  timer = timer or assert(vim.uv.new_timer())
  timer:start(WAIT_MS, 0, vim.schedule_wrap(tell))
end

function M.setup()
  local group = api.nvim_create_augroup("polypilot.diagnostics", {})
  local function on(events, callback)
    api.nvim_create_autocmd(events, { group = group, callback = callback })
  end
  local function changed(event)
    if event.buf == api.nvim_get_current_buf() then
      later()
    end
  end
  on({ "DiagnosticChanged", "BufEnter" }, changed)
  -- The document was opened on the server, which has forgotten what it knew.
  on({ "LspAttach", "BufReadPost" }, function(event)
    told[event.buf] = nil
    changed(event)
  end)
  on("BufDelete", function(event)
    told[event.buf] = nil
  end)
end

return M
