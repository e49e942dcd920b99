-- Commands at once, everything else when the editor has started: no setup call is needed.
if vim.g.loaded_polypilot then
  return
end
vim.g.loaded_polypilot = true

if vim.fn.has("nvim-0.11") == 0 then
  vim.notify_once("Polypilot needs Neovim 0.11 or newer", vim.log.levels.ERROR)
  return
end

require("polypilot.commands").define()

local function start()
  if vim.g.polypilot ~= false and not require("polypilot").is_setup() then
    require("polypilot").setup()
  end
end

if vim.v.vim_did_enter == 1 then
  -- A plugin manager that loads late calls setup() right after this file.
  vim.schedule(start)
else
  vim.api.nvim_create_autocmd("VimEnter", {
    group = vim.api.nvim_create_augroup("polypilot.start", {}),
    once = true,
    callback = start,
  })
end
