// Everything that went over the wire to Scalekit's API, held strictly against the official descriptors: Gatehouse's
// requests and the simulator's answers.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { fromJson, ScalarType } from '@bufbuild/protobuf';
import { Browser, startStack } from './harness.mjs';
import { ADA, callApi, connect, consent, disconnect, executeTool, fetchMails, giveKey, startConnecting } from './steps.mjs';

const require = createRequire(import.meta.url);
const load = (name) => require(`@scalekit-sdk/node/lib/pkg/grpc/scalekit/v1/${name}_pb.js`);
const services = [load('connections/connections'), load('connected_accounts/connected_accounts'), load('tools/tools')]
    .flatMap((module) => Object.values(module).filter((value) => value?.kind === 'service'));
const { ErrorInfoSchema } = load('errdetails/errdetails');
const HTTP_OPTION = 72295728; // google.api.http

// Which rpc answers which REST address; the descriptors must say so too.
const calls = [
    ['GET', '/api/v1/connections/app', 'ListAppConnections'],
    ['GET', '/api/v1/connected_accounts', 'ListConnectedAccounts'],
    ['POST', '/api/v1/connected_accounts', 'CreateConnectedAccount'],
    ['GET', '/api/v1/connected_accounts/details', 'GetConnectedAccountDetails'],
    ['POST', '/api/v1/connected_accounts/magic_link', 'GetMagicLinkForConnectedAccount'],
    ['POST', '/api/v1/connected_accounts/user/verify', 'VerifyConnectedAccountUser'],
    ['POST', '/api/v1/connected_accounts/-:disconnect', 'DisconnectConnectedAccount'],
    ['POST', '/api/v1/connected_accounts/{id}:disconnect', 'DisconnectConnectedAccount'],
    ['POST', '/api/v1/connected_accounts:delete', 'DeleteConnectedAccount'],
    ['GET', '/api/v1/tools', 'ListTools'],
    ['GET', '/api/v1/tools/scoped', 'ListScopedTools'],
    ['GET', '/api/v1/tools/available', 'ListAvailableTools'],
    ['POST', '/api/v1/execute_tool', 'ExecuteTool'],
].map(([method, path, rpc]) => {
    const descriptor = services.flatMap((service) => service.methods).find(({ name }) => name === rpc);
    assert.ok(descriptor, `no rpc ${rpc}`);
    const option = descriptor.proto.options.$unknown.find(({ no }) => no === HTTP_OPTION);
    assert.ok(Buffer.from(option.data).includes(path), `${rpc} is not served at ${path}`);
    const pattern = new RegExp(`^${path.replace(/[.]/g, '\\.').replace('{id}', '(?<id>[^/:]+)')}$`);
    return { method, pattern, rpc, input: descriptor.input, output: descriptor.output };
});

const findCall = (entry) => {
    for (const call of calls) {
        const match = call.method === entry.method && call.pattern.exec(entry.path);
        if (match) return { ...call, fromPath: { ...match.groups } };
    }
    return undefined;
};

// A query as grpc-gateway reads it: dotted names are nested messages, repeated names are lists.
function queryToJson(schema, query) {
    const json = {};
    for (const [name, value] of new URLSearchParams(query)) {
        let target = json;
        let message = schema;
        const parts = name.split('.');
        for (const part of parts.slice(0, -1)) {
            const descriptor = message.fields.find((candidate) => candidate.name === part);
            assert.equal(descriptor?.fieldKind, 'message', `${name} is no field of ${schema.typeName}`);
            target = target[part] ??= {};
            message = descriptor.message;
        }
        const last = parts.at(-1);
        const descriptor = message.fields.find((candidate) => candidate.name === last);
        assert.ok(descriptor, `${name} is no field of ${schema.typeName}`);
        if (descriptor.fieldKind === 'list') (target[last] ??= []).push(value);
        else {
            assert.ok(!(last in target), `${name} is sent twice`);
            target[last] = ['true', 'false'].includes(value) && descriptor.scalar === ScalarType.BOOL ? value === 'true' : value;
        }
    }
    return json;
}

const parse = (schema, json) => fromJson(schema, json, { ignoreUnknownFields: false });

// google.rpc.Status with scalekit.v1.errdetails.ErrorInfo.
function parseStatus(json) {
    assert.deepEqual(Object.keys(json).filter((name) => !['code', 'message', 'details'].includes(name)), []);
    assert.ok(Number.isInteger(json.code) && json.code >= 1 && json.code <= 16, 'code is a gRPC code');
    assert.equal(typeof json.message, 'string');
    for (const { '@type': type, ...detail } of json.details ?? []) {
        assert.equal(type, 'type.googleapis.com/scalekit.v1.errdetails.ErrorInfo');
        parse(ErrorInfoSchema, detail);
    }
}

function checkEntry(entry) {
    const call = findCall(entry);
    assert.ok(call, `nothing is known of ${entry.method} ${entry.path}`);
    const request = { ...queryToJson(call.input, entry.query), ...call.fromPath };
    if (call.method === 'POST') {
        assert.equal(entry.query, '');
        assert.match(entry.headers['content-type'] ?? entry.headers['Content-Type'], /^application\/json\b/);
        Object.assign(request, JSON.parse(entry.body));
    } else {
        assert.equal(entry.body_bytes, 0, 'a GET has no body');
    }
    parse(call.input, request);
    // The simulator's journal leaves out answers that may hold credentials; of those only the status is known.
    if (call.rpc === 'CreateConnectedAccount' && entry.answer_body === null) return call.rpc;
    const answer = JSON.parse(entry.answer_body);
    if (entry.status >= 400) parseStatus(answer);
    else parse(call.output, answer);
    return call.rpc;
}

describe('the contract with Scalekit', () => {
    let stack;
    let entries;
    const own = []; // what the portal answers at Scalekit's own addresses

    async function askAsScalekit() {
        const token = stack.token({ scopes: 'tools:read accounts:write' });
        const ask = async (method, path, body) => {
            const { status, json, text } = await callApi(stack, path, { token, user: ADA, method, body });
            assert.ok(status < 300, `${method} ${path}: ${text}`);
            own.push({ method, path: path.replace(/\?.*/, ''), body, json });
            return json;
        };
        const accounts = '/api/v1/connected_accounts';
        const request = { connector: 'github', identifier: ADA };
        await ask('GET', '/api/v1/connections/app?page_size=30');
        const { connected_account: { id } } = await ask('POST', accounts, { ...request, connected_account: {} });
        await ask('GET', `${accounts}?identifier=${ADA}&page_size=2`);
        await ask('GET', `${accounts}/details?id=${id}`);
        await ask('POST', `${accounts}/magic_link`, { ...request, user_verify_url: `${stack.url}/`, state: 's' });
        await ask('POST', `${accounts}/${id}:disconnect`, {});
        await ask('POST', `${accounts}/-:disconnect`, { id });
        await ask('POST', `${accounts}:delete`, { id });
    }
    before(async () => {
        stack = await startStack({ connections: 70 });
        const ada = new Browser();
        const token = stack.token();
        await ada.signIn(stack);
        await executeTool(stack, token); // not connected yet
        await executeTool(stack, token, { tool_name: 'notion_search' }); // where would it be?
        await connect(ada, stack, 'gmail');
        await connect(ada, stack, 'slack');
        assert.equal((await executeTool(stack, token, { ...fetchMails, agent_run_id: 'run-1' })).status, 200);
        const { json } = await callApi(stack, '/api/v1/connections', { token, user: ADA });
        const account = json.connections.find(({ connection_name: name }) => name === 'gmail').connected_account_id;
        const byId = { tool_name: 'gmail_fetch_mails', connected_account_id: account, params: {} };
        assert.equal((await executeTool(stack, token, byId)).status, 200);
        await executeTool(stack, token, { ...fetchMails, tool_name: 'gmail_no_such_tool' });
        const filters = 'filter.connection_names=gmail&filter.connection_names=slack&filter.providers=GMAIL'
            + '&filter.tool_names=gmail_fetch_mails&page_size=2';
        assert.equal((await callApi(stack, `/api/v1/tools/scoped?${filters}`, { token, user: ADA })).status, 200);
        assert.equal((await callApi(stack, '/api/v1/tools/scoped', { token, user: ADA })).status, 200);
        await ada.request(await consent(ada, await startConnecting(ada, stack, 'notion'), 'refuse'));
        await giveKey(ada, await startConnecting(ada, stack, 'exa'));
        await ada.request(`${stack.url}/connectors/exa`);
        await disconnect(ada, stack, 'gmail');
        await disconnect(ada, stack, 'slack', 'remove');
        await stack.fault({ match: '/api/v1/execute_tool', status: 429, retry_after: 3, times: 1 });
        await connect(ada, stack, 'gmail');
        await executeTool(stack, token);
        await askAsScalekit();
        entries = (await stack.simLog()).filter(({ path }) => path.startsWith('/api/'));
    });
    after(() => stack?.stop());

    it('covers the whole journey', () => {
        const seen = new Set(entries.map((entry) => findCall(entry)?.rpc));
        for (const rpc of ['ListAppConnections', 'ListConnectedAccounts', 'GetConnectedAccountDetails',
            'GetMagicLinkForConnectedAccount', 'VerifyConnectedAccountUser', 'DisconnectConnectedAccount',
            'DeleteConnectedAccount', 'CreateConnectedAccount', 'ListTools', 'ListScopedTools', 'ExecuteTool']) {
            assert.ok(seen.has(rpc), `${rpc} was never called`);
        }
        assert.ok(entries.some(({ status }) => status >= 400), 'no refusal was seen');
    });

    it('every request and every answer parses strictly', () => {
        const wrong = [];
        for (const entry of entries) {
            try {
                checkEntry(entry);
            } catch (error) {
                wrong.push(`${entry.method} ${entry.path}?${entry.query} ${entry.body} -> ${entry.status}: ${error.message}`);
            }
        }
        assert.deepEqual(wrong, []);
    });

    it('the portal\'s own answers are Scalekit\'s messages', () => {
        for (const { method, path, body, json } of own) {
            const call = findCall({ method, path });
            assert.ok(call, `${method} ${path}`);
            const message = parse(call.output, json);
            assert.doesNotMatch(JSON.stringify(json), /authorization_details/);
            if (body) parse(call.input, { ...body, ...call.fromPath });
            if (call.rpc === 'ListConnectedAccounts') assert.equal(message.connectedAccounts.length, 2);
        }
        assert.equal(own.length, 8);
    });

    it('never asks for credentials', () => {
        assert.deepEqual(entries.filter(({ path }) => path.endsWith('/auth')), []);
    });

    it('says who is asking, and does not send a caller\'s token on', () => {
        for (const entry of entries) assert.equal(entry.authorization, 'known', `${entry.method} ${entry.path}`);
    });

    it('would notice a field that Scalekit does not know', () => {
        const call = entries.find(({ path }) => path.endsWith('/magic_link'));
        assert.throws(() => checkEntry({ ...call, body: call.body.replace('{', '{"colour":"red",') }), /colour/);
        assert.throws(() => checkEntry({ ...call, answer_body: call.answer_body.replace('{', '{"colour":"red",') }), /colour/);
        assert.throws(() => checkEntry({ ...call, path: '/api/v1/unheard_of' }), /nothing is known/);
        const list = entries.find(({ method }) => method === 'GET');
        assert.throws(() => checkEntry({ ...list, query: 'colour=red' }), /colour/);
    });
});
