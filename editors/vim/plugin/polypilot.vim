vim9script
# Polypilot for Vim: commands at once, everything else when it is needed.

if exists('g:loaded_polypilot')
  finish
endif
g:loaded_polypilot = true

if v:version < 900 || !has('job') || !has('channel') || !has('textprop')
  echomsg 'Polypilot needs Vim 9.0 or newer with +job, +channel and +textprop'
  finish
endif

import autoload 'polypilot/attachments.vim'
import autoload 'polypilot/auth.vim'
import autoload 'polypilot/buffers.vim'
import autoload 'polypilot/chat.vim'
import autoload 'polypilot/client.vim'
import autoload 'polypilot/commands.vim'
import autoload 'polypilot/conversation.vim'
import autoload 'polypilot/drawing.vim'
import autoload 'polypilot/edits.vim'
import autoload 'polypilot/ghost.vim'
import autoload 'polypilot/keys.vim'
import autoload 'polypilot/log.vim'
import autoload 'polypilot/permission.vim'
import autoload 'polypilot/picker.vim'
import autoload 'polypilot/status.vim'

command -range=0 -bar PolypilotChat chat.Command(<range>, <line1>, <line2>, '')
command -range=0 -nargs=+ PolypilotAsk chat.Command(<range>, <line1>, <line2>, <q-args>)
command -range=0 -bar PolypilotAttach attachments.Command(<range>, <line1>, <line2>)
command -bar PolypilotChatNew chat.New()
command -bar PolypilotStop chat.StopCommand()
command -nargs=* PolypilotChatHistory conversation.History(<q-args>)
command -bar PolypilotChatModel conversation.Model()
command -nargs=1 -complete=customlist,commands.Modes PolypilotChatMode conversation.Mode(<q-args>)
command -nargs=1 -complete=customlist,commands.Efforts PolypilotChatEffort conversation.Effort(<q-args>)
command -bar PolypilotChatRetry conversation.Retry()
command -bar PolypilotChatEdit conversation.Edit()
command -nargs=+ PolypilotChatRename conversation.Rename(<q-args>)
command -nargs=? -complete=file PolypilotChatExport conversation.Export(<q-args>)
command -bar PolypilotChatDelete conversation.Delete()
command -bar PolypilotEdits edits.Choose()
command -bar PolypilotAnswer permission.Answer()
command -nargs=? -complete=customlist,commands.Purposes PolypilotSelect picker.Select(<q-args>)
command -nargs=? -complete=customlist,commands.Providers PolypilotAuth auth.Command(<q-args>)
command -bar PolypilotStatus status.Show()
command -nargs=? -complete=customlist,commands.OnOff PolypilotPause status.Pause(<q-args>)
command -bar PolypilotToggle ghost.Toggle()
command -bang -nargs=? -complete=dir PolypilotTrust commands.Trust(<q-args>, <bang>false)
command -nargs=* PolypilotModels commands.Program(['models', <f-args>])
command -bar PolypilotDoctor commands.Doctor()
command -bar PolypilotLog log.Open()
command -bar PolypilotRestart client.Restart()

if type(get(g:, 'polypilot', {})) != v:t_bool
  keys.Define()
  augroup polypilot
    autocmd!
    autocmd FileType,BufReadPost,BufNewFile * buffers.Attach(str2nr(expand('<abuf>')))
    autocmd InsertEnter * buffers.Attach(str2nr(expand('<abuf>')), true)
    autocmd BufWritePost * buffers.Saved(str2nr(expand('<abuf>')))
    autocmd BufFilePost * buffers.Renamed(str2nr(expand('<abuf>')))
    autocmd BufUnload * buffers.Closed(str2nr(expand('<abuf>')))
    autocmd TextChanged * buffers.FlushLater()
    autocmd InsertEnter,TextChangedI,TextChangedP,CursorMovedI,CompleteDone * ghost.Update()
    autocmd InsertLeave,BufLeave * ghost.Leave()
    autocmd ColorScheme * drawing.Highlights()
    autocmd VimLeavePre * client.Leave()
  augroup END
endif
