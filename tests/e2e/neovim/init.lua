-- Neovim's configuration in the tests: the plugin from the tree, and a few eyes for the tests.
vim.opt.runtimepath:prepend(vim.env.POLYPILOT_NVIM_PLUGIN)
vim.o.swapfile = false
vim.o.columns = 100
vim.o.lines = 30
vim.g.polypilot = false -- started by the test, which chooses the options

Test = { notes = {} }

---@diagnostic disable-next-line: duplicate-set-field
vim.notify = function(text)
  table.insert(Test.notes, text)
end

function Test.setup(options)
  local base = {
    cmd = vim.json.decode(vim.env.POLYPILOT_NVIM_COMMAND),
    root_markers = { "root-of-the-test" },
  }
  require("polypilot").setup(vim.tbl_deep_extend("force", base, options))
end

function Test.ghost()
  local namespace = require("polypilot.preview").namespace
  local parts, below = {}, {}
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })) do
    local details = mark[4]
    for _, chunk in ipairs(details.virt_text_pos ~= "eol" and details.virt_text or {}) do
      parts[#parts + 1] = chunk[1]
    end
    for _, line in ipairs(details.virt_lines or {}) do
      local text = ""
      for _, chunk in ipairs(line) do
        text = text .. chunk[1]
      end
      below[#below + 1] = "\n" .. text
    end
  end
  return table.concat(parts) .. table.concat(below)
end

function Test.screen(rows)
  vim.cmd("redraw!")
  local out = {}
  for row = 1, rows do
    local text = ""
    for column = 1, vim.o.columns do
      text = text .. vim.fn.screenstring(row, column)
    end
    out[row] = (text:gsub("%s+$", ""))
  end
  return out
end

function Test.transcript()
  local bufnr = require("polypilot.chat.windows").buffers()
  return table.concat(vim.api.nvim_buf_get_lines(bufnr, 0, -1, false), "\n")
end
