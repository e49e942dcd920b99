--- The workspace's folders, of which a running server is told as they come.
local M = {}

---@type table<integer, string[]> folders to announce once a client is initialized
local waiting = {}

---@param client vim.lsp.Client
---@param root string|nil
function M.add(client, root)
  if not root then
    return
  end
  local known = client.workspace_folders or {}
  local uri = vim.uri_from_fname(root)
  for _, folder in ipairs(known) do
    if folder.uri == uri then
      return
    end
  end
  if not client.initialized then
    waiting[client.id] = waiting[client.id] or {}
    table.insert(waiting[client.id], root)
    return
  end
  local folder = { uri = uri, name = root }
  client:notify("workspace/didChangeWorkspaceFolders", {
    event = { added = { folder }, removed = {} },
  })
  client.workspace_folders = vim.list_extend(known, { folder })
end

--- A client is initialized: tells it of what came meanwhile.
---@param client vim.lsp.Client
function M.announce(client)
  for _, root in ipairs(waiting[client.id] or {}) do
    M.add(client, root)
  end
  waiting[client.id] = nil
end

--- A client has ended.
---@param client_id integer
function M.forget(client_id)
  waiting[client_id] = nil
end

return M
