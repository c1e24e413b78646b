# The twin of making-tool-calls.mjs, with what Python brings along.
import json
import os
import urllib.error
import urllib.parse
import urllib.request

PORTAL, TOKEN, CONNECTION, TOOL, IDENTIFIER = (
    os.environ[name] for name in ("PORTAL", "TOKEN", "CONNECTION", "TOOL", "IDENTIFIER"))


def send(method, path, body=None, headers=()):
    request = urllib.request.Request(PORTAL + path, None if body is None else json.dumps(body).encode(), method=method)
    request.add_header("Authorization", "Bearer " + TOKEN)
    if body is not None:
        request.add_header("Content-Type", "application/json")
    for name, value in headers:
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=75) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def call(method, path, body=None):
    status, text = send(method, "/api/v1/" + path, body)
    return status, json.loads(text)


account = {"connector": CONNECTION, "identifier": IDENTIFIER}
query = urllib.parse.urlencode(account)

# Get or create the connected account
status, found = call("GET", "connected_accounts/details?" + query)
if status == 404:
    status, found = call("POST", "connected_accounts", dict(account, connected_account={}))
print("Account:", found["connected_account"]["id"], found["connected_account"]["status"])

# Authenticate the user
status, link = call("POST", "connected_accounts/magic_link", account)
print("Authorize connector:", link["link"], flush=True)
input("Press Enter after authorizing...")
status, found = call("GET", "connected_accounts/details?" + query)
print("Status:", found["connected_account"]["status"])

# Make a request to the app itself. urllib writes header names as Connection_name and the like, which is the same.
status, text = send("GET", "/proxy/v1/customers", headers=(("connection_name", CONNECTION), ("identifier", IDENTIFIER)))
print("Request:", status, text)

# Discover the tools, and run one
status, scoped = call("GET", "tools/scoped?" + urllib.parse.urlencode(
    {"identifier": IDENTIFIER, "filter.connection_names": CONNECTION, "page_size": 100}))
print("Available tools:", " ".join(one["tool"]["definition"]["name"] for one in scoped["tools"]))
status, result = call("POST", "execute_tool", dict(account, tool_name=TOOL, params={"max_results": 1}))
print("Result:", json.dumps(dict(result, status=status), sort_keys=True))
