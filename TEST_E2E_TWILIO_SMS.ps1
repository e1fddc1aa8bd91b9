#Requires -Version 7.0
<#
The twin of TEST_E2E_TWILIO_SMS.sh for Windows: sends one SMS and follows it to the log. Needs PowerShell 7 and nothing else.

Against a server without configuration (npm start) it needs no settings; against a real account, set in the environment BASE_URL,
JWT_SECRET or TOKEN, and TO: a number that you may write to. Also WAIT_SECONDS (30) and MESSAGE_EVENT_LOGS_DIR (logs/message_events).
#>
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$LogsDir = $env:MESSAGE_EVENT_LOGS_DIR ? $env:MESSAGE_EVENT_LOGS_DIR : (Join-Path $PSScriptRoot 'logs' 'message_events')
$WaitSeconds = $env:WAIT_SECONDS ? [int]$env:WAIT_SECONDS : 30
$script:Met = 0
$script:Criteria = 0

function Stop-Test([string]$Reason) {
  [Console]::Error.WriteLine($Reason)
  exit 2
}

# A server without configuration says in this file, which only its user can read, how to reach it.
$Sandbox = @{}
$SandboxFile = Join-Path $LogsDir 'sandbox.env'
if (Test-Path $SandboxFile) {
  foreach ($Line in Get-Content $SandboxFile) {
    $Name, $Value = $Line -split '=', 2
    $Sandbox[$Name] = $Value
  }
}

function ConvertTo-Base64Url([byte[]]$Bytes) {
  [Convert]::ToBase64String($Bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_')
}

function New-Token([string]$Secret) {
  $Utf8 = [Text.Encoding]::UTF8
  $Expires = [DateTimeOffset]::UtcNow.ToUnixTimeSeconds() + 900
  $Signed = (ConvertTo-Base64Url $Utf8.GetBytes('{"alg":"HS256","typ":"JWT"}')) + '.' +
    (ConvertTo-Base64Url $Utf8.GetBytes("{`"sub`":`"e2e`",`"exp`":$Expires}"))
  $Hmac = [Security.Cryptography.HMACSHA256]::new($Utf8.GetBytes($Secret))
  "$Signed." + (ConvertTo-Base64Url $Hmac.ComputeHash($Utf8.GetBytes($Signed)))
}

$BaseUrl = $env:BASE_URL ? $env:BASE_URL : $Sandbox['BASE_URL']
if (-not $BaseUrl) { Stop-Test "BASE_URL: expected the URL of the server. There is none in ${SandboxFile}: is npm start running?" }
$BaseUrl = $BaseUrl.TrimEnd('/')
$Token = $env:TOKEN
if (-not $Token -and $env:JWT_SECRET) { $Token = New-Token $env:JWT_SECRET }
if (-not $Token -and $BaseUrl -eq $Sandbox['BASE_URL']) { $Token = $Sandbox['TOKEN'] }
if (-not $Token) { Stop-Test 'TOKEN or JWT_SECRET: expected one of them, to call the API with' }

# The answer as Status (0 when there was none), Text and, when it is JSON, Json.
function Invoke-Call([string]$Method, [string]$Path, [string]$Body = '') {
  $Request = @{
    Method = $Method; Uri = "$BaseUrl$Path"; Headers = @{ Authorization = "Bearer $Token" }
    SkipHttpErrorCheck = $true; TimeoutSec = 60; MaximumRedirection = 0
  }
  if ($Body) {
    $Request.Body = [Text.Encoding]::UTF8.GetBytes($Body)
    $Request.ContentType = 'application/json'
  }
  try {
    $Response = Invoke-WebRequest @Request
    $Text = [string]$Response.Content
    $Json = try { $Text | ConvertFrom-Json -AsHashtable } catch { @{} }
    if ($Json -isnot [Collections.IDictionary]) { $Json = @{} }
    @{ Status = [int]$Response.StatusCode; Text = $Text; Json = $Json }
  } catch {
    @{ Status = 0; Text = $_.Exception.Message; Json = @{} }
  }
}

function Write-Criterion([bool]$IsMet, [string]$Criterion, [string]$Detail) {
  $script:Criteria += 1
  if ($IsMet) { $script:Met += 1 }
  if ($Detail.Length -gt 400) { $Detail = $Detail.Substring(0, 400) }
  Write-Output ("{0}{1}: {2}" -f ($IsMet ? 'ok      ' : 'not ok  '), $Criterion, $Detail)
}

function Get-Report {
  if ($script:MessageId) { Invoke-Call GET "/api/messages/$script:MessageId" }
  else { @{ Status = 0; Text = 'no message was taken'; Json = @{} } }
}

function Get-Events($Report) {
  if ($Report.Json.ContainsKey('events')) { $Report.Json['events'] }
}

Write-Output "TEST_E2E_TWILIO_SMS against $BaseUrl"

$Path = '/webhooks/twilio-sms/status-check'
$Answer = Invoke-Call GET $Path
Write-Criterion ($Answer.Status -eq 200) 'route answers 200' ($Answer.Status -eq 200 ? "GET $Path" : "GET ${Path}: $($Answer.Status) $($Answer.Text)")

$To = $env:TO
if (-not $To -and $Answer.Json['simulated'] -eq $true) { $To = '+33639980003' }
if (-not $To) { Stop-Test 'TO: expected the recipient of the message, for it goes out through a real account' }

$Text = 'Pipe Comms: test of ' + [DateTime]::UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'")
$Timeout = [Math]::Min($WaitSeconds, 55)
$Answer = Invoke-Call POST "/api/messages?wait=sent&timeout=$Timeout" (@{ channel = 'sms'; to = $To; text = $Text } | ConvertTo-Json -Compress)
$script:MessageId = $Answer.Json['messageId']
$ProviderId = $Answer.Json['providerMessageId']
$IsSent = $Answer.Status -eq 200 -and $ProviderId -cmatch '^(SM|MM)[0-9a-f]{32}$'
Write-Criterion $IsSent "message sent with the provider's id" ($IsSent ? "$ProviderId ($MessageId)" : "POST /api/messages: $($Answer.Status) $($Answer.Text)")

$Until = [DateTime]::UtcNow.AddSeconds($WaitSeconds)
do {
  $Report = Get-Report
  $Told = @(Get-Events $Report | Where-Object { $_.ContainsKey('source') -and $_['source']['via'] -eq 'webhook' })
  $IsOver = $Told.Count -gt 0 -or -not $ProviderId -or [DateTime]::UtcNow -ge $Until
  if (-not $IsOver) { Start-Sleep -Milliseconds 500 }
} until ($IsOver)
Write-Criterion ($Told.Count -gt 0) 'status webhook handled' ($Told.Count -gt 0 ? "status $($Report.Json['status'])" : "none came within $WaitSeconds s: $($Report.Status) $($Report.Text)")

$Report = Get-Report
$Events = @(Get-Events $Report)
$IsLogged = $ProviderId -and @($Events | Where-Object { $_['type'] -eq 'message.sent' }).Count -gt 0
Write-Criterion $IsLogged 'event in the log' ($IsLogged ? "message.sent of $MessageId" : "no message.sent: $($Report.Status) $($Report.Text)")

# In the day files, where they are on this machine; elsewhere, in what the server reads back from its store.
$Where = $LogsDir
$Missing = @($Events | ForEach-Object { $_['id'] })
$DayFiles = @(Get-ChildItem -Path $LogsDir -Filter 'message_events_*.jsonl' -ErrorAction SilentlyContinue)
if ($DayFiles.Count -gt 0) {
  $Missing = @($Missing | Where-Object { -not (Select-String -Path $DayFiles -SimpleMatch "`"$_`"" -Quiet) })
}
if ($Missing.Count -gt 0) {
  $Where = 'GET /api/events'
  $ReadBack = (Invoke-Call GET "/api/events?limit=1000&after=$([Uri]::EscapeDataString($Events[0]['position']))").Text
  # `after` leaves out the request itself, whose position that is.
  $Missing = @($Missing | Where-Object { $_ -ne $Events[0]['id'] -and -not $ReadBack.Contains("`"$_`"") })
}
$IsKept = $Events.Count -gt 0 -and $Missing.Count -eq 0
Write-Criterion $IsKept 'event persisted' ($IsKept ? "$($Events.Count) events, $Where" : "missing in ${Where}: $($Missing.Count -gt 0 ? ($Missing -join ' ') : 'all')")

Write-Output "$Met of $Criteria criteria met"
exit ($Met -eq $Criteria ? 0 : 1)
