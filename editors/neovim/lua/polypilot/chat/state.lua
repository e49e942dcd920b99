--- What the chat is about now; its modules share it.
---@class polypilot.ChatState
---@field session string|nil
---@field chosen { title?: string, provider?: string, model?: string, effort?: string, mode?: string }
---@field question string|nil id of the last question
---@field answered string|nil id of the last answer
---@field replaces string|nil id of the message that the next one takes the place of
---@field turn polypilot.Turn|nil the answer that is being written
---@field attachments polypilot.Attachment[] what goes with the next message
local M = { chosen = {}, attachments = {} }

return M
