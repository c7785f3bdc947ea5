-- Open the file, type the last letters in insert mode, wait for the ghost text, write it down, and leave.
-- Reads from the environment: FILE, LINE, TYPED, SHOWN (where to write), SECONDS, and ASK, a command to ask with if set.
local env = vim.env
vim.cmd.edit(env.FILE)
vim.bo.filetype = "python"
vim.api.nvim_win_set_cursor(0, { tonumber(env.LINE), 0 })

local function ghost_text()
  local lines = {}
  for _, space in pairs(vim.api.nvim_get_namespaces()) do
    for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, space, 0, -1, { details = true })) do
      for _, part in ipairs(mark[4].virt_text or {}) do
        table.insert(lines, part[1])
      end
      for _, line in ipairs(mark[4].virt_lines or {}) do
        for _, part in ipairs(line) do
          table.insert(lines, part[1])
        end
      end
    end
  end
  return lines
end

local function leave(lines)
  vim.fn.writefile(lines, env.SHOWN)
  vim.cmd("qa!")
end

local left = tonumber(env.SECONDS) * 5
local function wait()
  local lines = ghost_text()
  left = left - 1
  if #lines > 0 or left <= 0 then
    -- what is asked ahead once the text is shown, and what is sent after three idle seconds, is to be seen too
    vim.defer_fn(function() leave(lines) end, 4500)
  else
    vim.defer_fn(wait, 200)
  end
end

vim.defer_fn(function() vim.api.nvim_feedkeys("A" .. env.TYPED, "t", false) end, 500)
vim.defer_fn(function()
  if env.ASK then
    vim.cmd("lua " .. env.ASK)
  end
  wait()
end, 1200)
