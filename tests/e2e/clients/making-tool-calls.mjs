// What a stranger writes who knows Scalekit's REST API and has this portal's address in its place: an account, a link for
// its user, and, once they say that they have connected, a request to the app itself and a tool call. Without any SDK, in the order of "Making tool calls".
import { createInterface } from 'node:readline/promises';

const { PORTAL, TOKEN, CONNECTION, TOOL, IDENTIFIER } = process.env;

async function call(method, path, body) {
    const answer = await fetch(`${PORTAL}/api/v1/${path}`, {
        method,
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: body && JSON.stringify(body),
    });
    return { status: answer.status, ...(await answer.json()) };
}

const account = { connector: CONNECTION, identifier: IDENTIFIER };
const query = new URLSearchParams(account);

// Get or create the connected account
let found = await call('GET', `connected_accounts/details?${query}`);
if (found.status === 404) found = await call('POST', 'connected_accounts', { ...account, connected_account: {} });
console.log('Account:', found.connected_account.id, found.connected_account.status);

// Authenticate the user
const { link } = await call('POST', 'connected_accounts/magic_link', account);
console.log('Authorize connector:', link);
const lines = createInterface({ input: process.stdin });
await lines.question('Press Enter after authorizing...');
lines.close();
found = await call('GET', `connected_accounts/details?${query}`);
console.log('Status:', found.connected_account.status);

// Make a request to the app itself
const customers = await fetch(`${PORTAL}/proxy/v1/customers`, {
    headers: { authorization: `Bearer ${TOKEN}`, connection_name: CONNECTION, identifier: IDENTIFIER },
});
console.log('Request:', customers.status, await customers.text());

// Discover the tools, and run one
const scoped = await call('GET', `tools/scoped?identifier=${IDENTIFIER}&filter.connection_names=${CONNECTION}&page_size=100`);
console.log('Available tools:', scoped.tools.map(({ tool }) => tool.definition.name).join(' '));
const result = await call('POST', 'execute_tool', { ...account, tool_name: TOOL, params: { max_results: 1 } });
console.log('Result:', JSON.stringify(result));
