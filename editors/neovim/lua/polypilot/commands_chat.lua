--- The `:PolypilotChat…` commands about conversations; see commands.lua for their form.
local util = require("polypilot.util")

local M = {}

local function conversation()
  return require("polypilot.chat.conversation")
end

local function among(...)
  local list = { ... }
  return function(lead)
    return vim.tbl_filter(function(each)
      return vim.startswith(each, lead)
    end, list)
  end
end

M.ChatHistory = {
  desc = "Open a conversation of before; with words, one that has them",
  nargs = "*",
  call = function(options)
    conversation().history(options.args)
  end,
}

M.ChatModel = {
  desc = "Choose who answers in this conversation",
  call = function()
    require("polypilot.picker").model(function(provider, model)
      conversation().configure({ provider = provider, model = model })
    end)
  end,
}

M.ChatMode = {
  desc = "What the model may use in this conversation",
  nargs = 1,
  complete = among("plain", "ask", "edit"),
  call = function(options)
    if not vim.list_contains({ "plain", "ask", "edit" }, options.args) then
      return util.notify("one of plain, ask or edit", vim.log.levels.ERROR)
    end
    conversation().configure({ mode = options.args })
  end,
}

M.ChatEffort = {
  desc = "How much the model reasons in this conversation",
  nargs = 1,
  complete = among("none", "minimal", "low", "medium", "high", "xhigh", "max", "default"),
  call = function(options)
    conversation().configure({ effort = options.args })
  end,
}

M.ChatRetry = {
  desc = "Have the last answer given again",
  call = function()
    conversation().retry()
  end,
}

M.ChatEdit = {
  desc = "Change the last question and ask it anew",
  call = function()
    conversation().edit()
  end,
}

M.ChatRename = {
  desc = "Give the conversation another title",
  nargs = "+",
  call = function(options)
    conversation().rename(options.args)
  end,
}

M.ChatExport = {
  desc = "The conversation as Markdown, in a buffer or a file",
  nargs = "?",
  complete = "file",
  call = function(options)
    conversation().export(options.args)
  end,
}

M.ChatDelete = {
  desc = "Forget the conversation for good",
  call = function()
    conversation().delete()
  end,
}

M.Edits = {
  desc = "Apply proposed edits or turn them down",
  call = function()
    require("polypilot.chat.edits").choose()
  end,
}

return M
