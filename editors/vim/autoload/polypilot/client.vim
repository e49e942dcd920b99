vim9script
# The running server: one for the whole of Vim, on Vim's own channel.

import autoload './buffers.vim'
import autoload './chat.vim'
import autoload './document.vim'
import autoload './ghost.vim'
import autoload './greeting.vim'
import autoload './incoming.vim'
import autoload './log.vim'
import autoload './program.vim'
import autoload './status.vim'
import autoload './util.vim'
import autoload './workspace.vim'

const GONE = {
  message: 'the server has gone',
  code: 'gone',
  cure: ':PolypilotRestart starts it again, :PolypilotLog shows why',
}

var server: any = null
var ready = false
var stopping = false
var waiting: list<func> = []
var pending: dict<func> = {}
var Again: func = null_function

def Alive(): bool
  return type(server) == v:t_job && job_status(server) ==# 'run'
enddef

# Whether the server answers.
export def Running(): bool
  return ready && Alive()
enddef

def Start()
  var folders = workspace.Begin()
  ready = false
  stopping = false
  server = job_start(program.Command() + ['--stdio'], {
    cwd: expand('~'),
    in_mode: 'lsp',
    out_mode: 'lsp',
    err_mode: 'nl',
    noblock: 1,
    env: util.Option('env'),
    out_cb: OnMessage,
    err_cb: (_, line) => log.Add(line),
    exit_cb: OnExit,
  })
  if job_status(server) !=# 'run'
    Release({message: 'the server did not start', cure: ':PolypilotLog shows why'})
    return
  endif
  Send('initialize', greeting.Parameters(folders), OnInitialized)
enddef

def OnInitialized(problem: dict<any>, result: any)
  var why = problem
  var capabilities = util.Field(result, 'capabilities', {})
  if empty(why) && util.Field(capabilities, 'positionEncoding') !=# 'utf-8'
    why = {message: "the server doesn't count positions as Vim does", cure: 'Upgrade polypilot'}
  elseif empty(why) && &encoding !=# 'utf-8'
    why = {message: "'encoding' is not utf-8", cure: 'Put this into your vimrc:  set encoding=utf-8'}
  endif
  if !empty(why)
    stopping = true
    job_stop(server)
    util.Report(why)
    Release(why)
    return
  endif
  ready = true
  Notify('initialized', {})
  for info in getbufinfo({bufloaded: 1})
    buffers.Attach(info.bufnr, info.bufnr == bufnr() && mode() ==# 'i')
  endfor
  Release({})
  ghost.Update()
enddef

def Release(problem: dict<any>)
  var list = waiting
  waiting = []
  for Call in list
    Call(problem)
  endfor
enddef

def OnExit(_: job, code: number)
  server = null
  ready = false
  document.ForgetAll()
  ghost.Leave()
  Release(GONE)
  chat.Gone()
  var calls = values(pending)
  pending = {}
  for Call in calls
    Call(GONE, null)
  endfor
  status.Gone()
  if Again != null_function
    var Go = Again
    Again = null_function
    Go()
  elseif !stopping && v:exiting == null
    util.Report({
      message: $'the server ended (status {code})',
      cure: ':PolypilotRestart starts it again, :PolypilotLog shows why',
    })
  endif
enddef

# Calls back, with a problem or {}, when the server is ready; starts it if need be.
export def Ensure(Callback: func)
  if Running()
    Callback({})
  elseif Alive()
    add(waiting, Callback)
  elseif !program.Found()
    Callback(program.Missing())
  else
    add(waiting, Callback)
    Start()
  endif
enddef

# Starts it for a buffer, unless it runs already or is about to.
export def Begin()
  if Alive()
    return
  endif
  if program.Found()
    Start()
  else
    program.TellMissing()
  endif
enddef

export def Restart()
  program.TellAgain()
  var Go = () => Ensure((problem) => {
    if empty(problem)
      util.Notify('the server is running')
    else
      util.Report(problem)
    endif
  })
  if !Alive()
    Go()
    return
  endif
  Again = Go
  End()
  # One that doesn't listen any more is killed.
  var old = server
  timer_start(3000, (_) => {
    if job_status(old) ==# 'run'
      job_stop(old, 'kill')
    endif
  })
enddef

def End()
  stopping = true
  if Running()
    Send('shutdown', {}, (_, _) => Notify('exit', {}))
  elseif Alive()
    job_stop(server)
  endif
enddef

# Vim is about to end: the server is told, and its input closed.
export def Leave()
  if Running()
    stopping = true
    Send('shutdown', {}, (_, _) => 0)
    Notify('exit', {})
  endif
enddef

# -- talking to it

# Sends a request to a server that runs; calls back once with a problem or {}, and the result.
export def Send(method: string, params: dict<any>, Callback: func): number
  if !Alive()
    Callback(GONE, null)
    return 0
  endif
  var id = 0
  var sent: any = ch_sendexpr(job_getchannel(server), {method: method, params: params}, {
    callback: OnMessage,
  })
  id = type(sent) == v:t_dict ? sent.id : 0
  pending[id] = Callback
  return id
enddef

# As `Send`, and starts the server if need be.
export def Request(method: string, params: dict<any>, Callback: func)
  Ensure((problem) => {
    if empty(problem)
      Send(method, params, Callback)
    else
      Callback(problem, null)
    endif
  })
enddef

# As `Request`; a problem is shown, the callback takes the result alone.
export def Ask(method: string, params: dict<any>, Callback: func)
  Request(method, params, (problem, result) => {
    if empty(problem)
      Callback(result)
    else
      util.Report(problem)
    endif
  })
enddef

# Waits for the answer, a second at most; null without one.
export def Now(method: string, params: dict<any>): any
  if !Running()
    return null
  endif
  var reply = ch_evalexpr(job_getchannel(server), {method: method, params: params}, {timeout: 1000})
  return type(reply) == v:t_dict ? get(reply, 'result', null) : null
enddef

export def Notify(method: string, params: dict<any>)
  if Alive()
    ch_sendexpr(job_getchannel(server), {method: method, params: params})
  endif
enddef

export def Cancel(id: number)
  if has_key(pending, id)
    Notify('$/cancelRequest', {id: id})
  endif
enddef

export def Reply(id: any, result: any)
  Answer({id: id, result: result})
enddef

export def Refuse(id: any, error: dict<any>)
  Answer({id: id, error: error})
enddef

# Sent as it is: |ch_sendexpr()| takes numbers alone for an id, and the server's are texts.
def Answer(answer: dict<any>)
  if Alive()
    var body = json_encode(extend({jsonrpc: '2.0'}, answer))
    ch_sendraw(job_getchannel(server), $"Content-Length: {strlen(body)}\r\n\r\n{body}")
  endif
enddef

# Tells it that its settings, or the keys it can read, may have changed.
export def Refresh()
  if Running()
    Notify('workspace/didChangeConfiguration', {settings: {polypilot: util.Option('settings')}})
  endif
enddef

# -- what it sends

# Answers too: a request of the server's with the number of one of ours is given to that one's
# callback, and the answer comes without one.
def OnMessage(_: channel, message: any)
  if type(message) != v:t_dict
    return
  endif
  if !has_key(message, 'method')
    OnAnswer(message)
    return
  endif
  var params = util.Field(message, 'params', {})
  if has_key(message, 'id')
    incoming.Request(message.id, message.method, params)
  else
    incoming.Notification(message.method, params)
  endif
enddef

def OnAnswer(message: dict<any>)
  var id = get(message, 'id', 0)
  if has_key(pending, id)
    var Callback = remove(pending, id)
    var error = util.Field(message, 'error', {})
    Callback(empty(error) ? {} : util.Problem(error), get(message, 'result', null))
  endif
enddef
