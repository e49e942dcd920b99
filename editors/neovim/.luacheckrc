std = "luajit"
globals = { "vim.g", "vim.b", "vim.bo", "vim.o", "vim.wo", "vim.env" }
read_globals = { "vim" }
max_line_length = 100
