// The official SDK against the portal, unchanged: three settings are all that a team changes. Every call that the portal
// serves, every class of exception, many calls at a time, and the programs of Scalekit's documentation as they stand.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it } from 'node:test';
import { Browser, startStack, until } from './harness.mjs';
import { ADA, GRACE, connect } from './steps.mjs';

const clients = fileURLToPath(new URL('clients/', import.meta.url));
const EXECUTE = '/api/v1/execute_tool';
const PROGRAM_USER = 'user_123'; // of the documentation's programs

// A service token as the SDK's settings.
function makeSettings(stack, options) {
    const label = `sdk-${Math.random().toString(36).slice(2)}`;
    const secret = stack.token({ ...options, label });
    const id = new RegExp(`^(tok_\\S+)\\t.*\\t${label}$`, 'm').exec(stack.ctl('token', 'list'))[1];
    return { id, SCALEKIT_ENV_URL: stack.secureUrl, SCALEKIT_CLIENT_ID: id, SCALEKIT_CLIENT_SECRET: secret };
}

function startSdk(stack, { id, ...env }) {
    const child = spawn(process.execPath, [path.join(clients, 'sdk.mjs')], {
        env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: stack.certificate, ...env }, stdio: ['pipe', 'pipe', 'inherit'],
    });
    const waiting = new Map();
    let count = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
        const outcome = JSON.parse(line);
        waiting.get(outcome.id)(outcome);
    });
    const send = (order) => new Promise((resolve) => {
        count += 1;
        waiting.set(count, resolve);
        child.stdin.write(`${JSON.stringify({ id: count, ...order })}\n`);
    });
    return {
        id,
        send,
        async call(name, ...args) {
            const { result, error } = await send({ call: name, args });
            assert.equal(error, undefined, JSON.stringify(error));
            return result;
        },
        async fails(order) {
            const { result, error } = await send(order);
            assert.ok(error, `no exception: ${JSON.stringify(result)}`);
            return error;
        },
        stop: () => new Promise((resolve) => {
            child.once('exit', resolve);
            child.stdin.end();
        }),
    };
}

const fetchMails = { toolName: 'gmail_fetch_mails', connector: 'gmail', identifier: ADA, toolInput: { max_results: 3 } };
const orderOf = (call, args, options) => ({ call, args: [args], options });

describe('the official SDK', () => {
    let stack;
    let sdk;
    before(async () => {
        stack = await startStack({ env: { GATEHOUSE_USER_IN_FLIGHT_MAX: '0' } });
        for (const [name, provider] of [['your-provider-connection', 'ACME'], ['your-mcp-connection', 'EXAMPLEMCP']]) {
            await stack.simPost('/sim/connections', { name, provider, type: 'OAUTH' });
        }
        const ada = new Browser();
        await ada.signIn(stack);
        await connect(ada, stack, 'gmail');
        sdk = startSdk(stack, makeSettings(stack, { users: `${ADA} ${PROGRAM_USER}`, scopes: 'tools:read tools:execute accounts:write' }));
    });
    after(async () => {
        await sdk?.stop();
        await stack?.stop();
    });

    describe('calls', () => {
        it('run a tool, whose result is exact, and leave a trail', async () => {
            const params = { max_results: 1, query: 'é😀\u0000"\\', label_ids: ['a', 'b'], nested: { n: [0, -1.5, 1e300, null, true, {}] } };
            const result = await sdk.call('actions.executeTool', { ...fetchMails, toolInput: params });
            assert.match(result.executionId, /^exec_/);
            assert.equal(result.data.account, ADA);
            assert.deepEqual(result.data.echo, params);
            const [row] = stack.sql(`SELECT * FROM tool_call WHERE execution_id = '${result.executionId}'`);
            assert.equal(row.outcome, 'ok');
            assert.equal(row.connection_name, 'gmail');
            const [token] = stack.sql(`SELECT id FROM api_token WHERE public_id = '${sdk.id}'`);
            assert.equal(row.token_id, token.id);
        });

        it('run a tool by its name alone, and without input', async () => {
            const result = await sdk.call('tools.executeTool', { toolName: 'gmail_list_labels', identifier: ADA });
            assert.equal(result.data.account, ADA);
        });

        it('list the tools that a user has, page by page', async () => {
            const filter = { connectionNames: ['gmail'] };
            const whole = await sdk.call('tools.listScopedTools', ADA, { filter, pageSize: 100 });
            const names = whole.tools.map(({ tool }) => tool.definition.name);
            assert.ok(names.includes('gmail_fetch_mails'), names.join());
            assert.equal(whole.totalSize, names.length);
            const [{ tool, identifier, connectedAccountId }] = whole.tools;
            assert.equal(identifier, ADA);
            assert.match(connectedAccountId, /^ca_/);
            assert.equal(tool.provider, 'GMAIL');
            assert.equal(tool.definition.input_schema.type, 'object');
            assert.ok(Array.isArray(tool.tags));
            const paged = [];
            for (let pageToken = ''; ;) {
                const page = await sdk.call('tools.listScopedTools', ADA, { filter, pageSize: 2, pageToken });
                paged.push(...page.tools.map((scoped) => scoped.tool.definition.name));
                pageToken = page.nextPageToken;
                if (!pageToken) break;
            }
            assert.deepEqual(paged, names);
            const one = await sdk.call('tools.listScopedTools', ADA, { filter: { toolNames: ['gmail_send_email'] } });
            assert.deepEqual(one.tools.map((scoped) => scoped.tool.definition.name), ['gmail_send_email']);
        });

        it('list the tools that a user could have', async () => {
            const { tools } = await sdk.call('tools.listAvailableTools', ADA, { pageSize: 100 });
            const providers = new Set(tools.map(({ provider }) => provider));
            assert.ok(providers.has('GMAIL') && providers.has('SLACK'), [...providers].join());
        });

        it('list the workspace\'s tools, for nobody in particular', async () => {
            const { tools } = await sdk.call('tools.listTools', { filter: { provider: 'SLACK' }, pageSize: 100 });
            assert.ok(tools.length > 0);
            assert.deepEqual([...new Set(tools.map(({ provider }) => provider))], ['SLACK']);
            const named = await sdk.call('tools.listTools', { filter: { toolName: ['gmail_send_email'], summary: true }, pageSize: 100 });
            assert.deepEqual(named.toolNames, ['gmail_send_email']);
            assert.deepEqual(named.tools, []);
            const ofOne = await sdk.call('tools.listTools', { filter: { connector: 'gmail' }, pageSize: 100 });
            assert.deepEqual([...new Set(ofOne.tools.map(({ provider }) => provider))], ['GMAIL']);
        });

        it('list the connections, page by page', async () => {
            const { connections, totalSize } = await sdk.call('actions.listConnections', { pageSize: 30 });
            const gmail = connections.find(({ connectionName }) => connectionName === 'gmail');
            assert.equal(gmail.provider, 'GMAIL');
            assert.equal(gmail.type, 'OAUTH');
            assert.equal(gmail.status, 'COMPLETED');
            assert.equal(gmail.enabled, true);
            assert.match(gmail.id, /^conn_/);
            assert.ok(Number(gmail.createdAt.seconds) > 1.7e9);
            assert.equal(connections.length, Math.min(30, totalSize));
            const paged = [];
            for (let pageToken = ''; ;) {
                const page = await sdk.call('actions.listConnections', { pageSize: 3, pageToken });
                paged.push(...page.connections);
                pageToken = page.nextPageToken;
                if (!pageToken) break;
            }
            assert.equal(paged.length, totalSize);
            assert.deepEqual((await sdk.call('actions.listConnections', { provider: 'GMAIL' })).connections.map(({ provider }) => provider), ['GMAIL']);
        });

        it('look at a user\'s accounts, and never at credentials', async () => {
            const { connectedAccounts, totalSize } = await sdk.call('actions.listConnectedAccounts', { identifier: ADA });
            assert.equal(connectedAccounts.length, totalSize);
            const listed = connectedAccounts.find(({ connector }) => connector === 'gmail');
            const { connectedAccount } = await sdk.call('actions.getConnectedAccount', { connectionName: 'gmail', identifier: ADA });
            assert.equal(connectedAccount.id, listed.id);
            assert.equal(connectedAccount.status, 1); // ACTIVE
            assert.equal(connectedAccount.authorizationType, 1); // OAUTH
            assert.equal(connectedAccount.authorizationDetails, undefined);
            assert.equal(connectedAccount.apiConfig, undefined);
            const details = await sdk.send(orderOf('raw:ConnectedAccountService.getConnectedAccountDetails', { connector: 'gmail', identifier: ADA }));
            assert.deepEqual(details.result.connectedAccount, connectedAccount);
            assert.deepEqual((await stack.simLog()).filter(({ path: where }) => where.endsWith('/auth')), []);
        });

        it('take an account\'s id for its user, within the token\'s rules', async () => {
            const { connectedAccount } = await sdk.call('actions.getConnectedAccount', { connectionName: 'gmail', identifier: ADA });
            const byId = { connectedAccountId: connectedAccount.id };
            assert.deepEqual((await sdk.call('actions.getConnectedAccount', byId)).connectedAccount, connectedAccount);
            assert.equal((await sdk.call('actions.executeTool', { ...byId, toolName: 'gmail_list_labels' })).data.account, ADA);
            assert.equal((await sdk.call('actions.getAuthorizationLink', byId)).link, `${stack.url}/connect/gmail`);
            await stack.simPost('/sim/accounts', { connector: 'gmail', identifier: GRACE, status: 'ACTIVE' });
            const everybodys = startSdk(stack, makeSettings(stack, { users: '*' }));
            const graces = (await everybodys.call('actions.listConnectedAccounts', { identifier: GRACE })).connectedAccounts[0];
            await everybodys.stop();
            for (const id of [graces.id, 'ca_none']) {
                const error = await sdk.fails(orderOf('actions.getConnectedAccount', { connectedAccountId: id }));
                assert.equal(error.className, 'ScalekitNotFoundException');
                assert.match(error.message, /no connected account of that id, or none that this token may use/);
            }
        });

        it('list the accounts of all users that the token may act for, and of no other', async () => {
            await stack.simPost('/sim/accounts', { connector: 'gmail', identifier: GRACE, status: 'ACTIVE' });
            await stack.simPost('/sim/accounts', { connector: 'slack', identifier: PROGRAM_USER, status: 'EXPIRED' });
            const collect = async (settings, filter = {}) => {
                const own = startSdk(stack, settings);
                const found = [];
                for (let pageToken = ''; ;) {
                    const page = await own.call('actions.listConnectedAccounts', { ...filter, pageSize: 2, pageToken });
                    found.push(...page.connectedAccounts.map(({ identifier, connector }) => `${identifier} ${connector}`));
                    pageToken = page.nextPageToken;
                    if (!pageToken) break;
                }
                await own.stop();
                return found.sort();
            };
            const two = await collect(makeSettings(stack, { users: `${ADA} ${PROGRAM_USER}` }));
            assert.ok(two.includes(`${ADA} gmail`) && two.includes(`${PROGRAM_USER} slack`), two.join());
            assert.ok(!two.some((line) => line.startsWith(GRACE)), two.join());
            assert.deepEqual(await collect(makeSettings(stack, { users: '*' }), { connectionName: 'gmail' }), [`${ADA} gmail`, `${GRACE} gmail`]);
            assert.deepEqual(await collect(makeSettings(stack, { users: '*', connections: 'slack' })), [`${PROGRAM_USER} slack`]);
            assert.deepEqual(await collect(makeSettings(stack, { users: 'nobody' })), []);
        });

        it('make an account, give its link, disconnect it and delete it', async () => {
            const account = { connectionName: 'notion', identifier: ADA };
            const made = await sdk.call('actions.getOrCreateConnectedAccount', account);
            assert.equal(made.connectedAccount.status, 3); // PENDING_AUTH
            const again = await sdk.call('actions.getOrCreateConnectedAccount', account);
            assert.equal(again.connectedAccount.id, made.connectedAccount.id);
            const { link } = await sdk.call('actions.getAuthorizationLink', account);
            assert.equal(link, `${stack.url}/connect/notion`);
            assert.equal((await sdk.call('actions.getAuthorizationLink', { ...account, userVerifyUrl: '/tokens', state: 's' })).link,
                `${stack.url}/connect/notion?return_to=%2Ftokens`);
            await stack.simPost('/sim/accounts', { connector: 'notion', identifier: ADA, status: 'ACTIVE' });
            const ended = await sdk.send(orderOf('raw:ConnectedAccountService.disconnectConnectedAccount', { id: made.connectedAccount.id }));
            assert.equal(ended.result?.connectedAccount.status, 5, JSON.stringify(ended)); // DISCONNECTED
            await sdk.call('actions.deleteConnectedAccount', account);
            assert.equal((await sdk.fails(orderOf('actions.getConnectedAccount', account))).className, 'ScalekitNotFoundException');
        });
    });

    describe('exceptions', () => {
        const fault = (wish) => stack.fault({ match: EXECUTE, times: 1, ...wish });
        after(() => stack.clearFaults());
        const expect = (error, className, errorCode) => {
            assert.equal(error.className, className, JSON.stringify(error));
            assert.equal(error.errorCode, errorCode);
            assert.ok(error.message.length > 0);
            return error;
        };
        const execute = (changes = {}, options = {}) => sdk.fails({
            call: 'raw:ToolService.executeTool',
            args: [{ toolName: 'gmail_fetch_mails', connector: 'gmail', identifier: ADA, params: {}, ...changes }], options,
        });

        it('BadRequest with the link to connect, when the user has to act', async () => {
            const error = expect(await sdk.fails(orderOf('actions.executeTool', { ...fetchMails, connector: 'slack', toolName: 'slack_send_message' })),
                'ScalekitBadRequestException', 'GATEHOUSE_AUTHORIZATION_REQUIRED');
            const link = `${stack.url}/connect/slack`;
            assert.ok(error.message.includes(link), error.message);
            assert.deepEqual(error.details[0].helpInfo.links.map(({ url }) => url), [link]);
            assert.equal(error.details[0].resourceInfo.resourceName, 'slack');
            assert.equal(error.grpcStatus, 9); // FAILED_PRECONDITION
            assert.match(error.details[0].requestInfo.requestId, /^[0-9a-f]{32}$/);
        });

        it('BadRequest, for input that is wrong', async () => {
            expect(await execute({ identifier: '' }), 'ScalekitBadRequestException', 'GATEHOUSE_INVALID_REQUEST');
            expect(await execute({ toolName: '' }), 'ScalekitBadRequestException', 'GATEHOUSE_INVALID_REQUEST');
            expect(await execute({ organizationId: 'org_1' }), 'ScalekitBadRequestException', 'GATEHOUSE_INVALID_REQUEST');
            expect(await sdk.fails(orderOf('actions.createConnectedAccount', {
                connectionName: 'linear', identifier: ADA, authorizationDetails: { details: { case: 'oauthToken', value: { accessToken: 'secret' } } },
            })), 'ScalekitBadRequestException', 'GATEHOUSE_INVALID_REQUEST');
            assert.ok(!(await stack.simLog()).some(({ body }) => body?.includes('secret')), 'credentials were sent on');
        });

        it('Forbidden, by the token\'s rules, with a trail', async () => {
            expect(await execute({ identifier: GRACE }), 'ScalekitForbiddenException', 'GATEHOUSE_FORBIDDEN');
            const [row] = stack.sql('SELECT * FROM tool_call ORDER BY id DESC LIMIT 1');
            assert.equal(row.outcome, 'denied');
        });

        it('NotFound, Conflict', async () => {
            expect(await execute({ connector: 'no-such-connection' }), 'ScalekitNotFoundException', 'GATEHOUSE_NOT_FOUND');
            expect(await sdk.fails(orderOf('actions.createConnectedAccount', { connectionName: 'gmail', identifier: ADA })),
                'ScalekitConflictException', 'GATEHOUSE_CONFLICT');
        });

        it('NotImplemented, with a sentence', async () => {
            const calls = [orderOf('actions.verifyConnectedAccountUser', { authRequestId: 'x', identifier: ADA }), orderOf('raw:ToolService.createTool', {}),
                orderOf('connection.listConnectionsByDomain', 'example.com')];
            for (const call of calls) {
                assert.match(expect(await sdk.fails(call), 'ScalekitNotImplementedException', 'GATEHOUSE_UNIMPLEMENTED').message, /does not offer/);
            }
        });

        it('TooManyRequests: Scalekit\'s limit in Scalekit\'s words', async () => {
            await fault({ status: 429, error_code: 'RATE_LIMITED', retry_after: 7 });
            assert.equal(expect(await execute(), 'ScalekitTooManyRequestsException', 'RATE_LIMITED').isToolError, undefined);
        });

        it('TooManyRequests: ours', async () => {
            const narrow = makeSettings(stack, { users: ADA });
            stack.sql(`UPDATE api_token SET calls_per_minute = 3 WHERE public_id = '${narrow.id}'`, { write: true });
            const limited = startSdk(stack, narrow);
            const order = orderOf('actions.listConnectedAccounts', { identifier: ADA });
            const outcomes = [];
            for (let i = 0; i < 4; i += 1) outcomes.push(await limited.send(order));
            assert.ok(outcomes[0].result, JSON.stringify(outcomes[0]));
            expect(outcomes[3].error ?? {}, 'ScalekitTooManyRequestsException', 'GATEHOUSE_TOO_MANY_CALLS');
            await limited.stop();
        });

        it('InternalServer, when nobody knows what became of a call, which is not repeated', async () => {
            await stack.fault({ match: EXECUTE, kind: 'cut', after: true, times: 1 });
            const before = (await stack.simLog()).filter(({ path: where }) => where === EXECUTE).length;
            expect(await sdk.fails(orderOf('actions.executeTool', fetchMails)), 'ScalekitInternalServerException', 'GATEHOUSE_OUTCOME_UNKNOWN');
            assert.equal((await stack.simLog()).filter(({ path: where }) => where === EXECUTE).length, before + 1);
        });

        it('ServiceUnavailable, for what was certainly not done', async () => {
            await fault({ status: 503, error_code: 'UNAVAILABLE', times: -1 });
            expect(await execute({}, { retries: 0 }), 'ScalekitServiceUnavailableException', 'UNAVAILABLE');
            await stack.clearFaults();
        });

        it('GatewayTimeout and Cancelled', async () => {
            await fault({ latency_ms: 3000, times: 2 });
            assert.equal((await execute({}, { timeoutMs: 300 })).className, 'ScalekitGatewayTimeoutException');
            assert.equal((await execute({}, { abortAfterMs: 300 })).className, 'ScalekitCancelledException');
            await stack.clearFaults();
            // What had left is on record all the same, and the portal goes on.
            await until('both calls on record', () => stack.sql("SELECT 1 FROM tool_call WHERE outcome IN ('outcome_unknown', 'ok') AND duration_ms > 200").length >= 2);
            await sdk.call('actions.executeTool', fetchMails);
        });

        it('Tool exceptions, with the app\'s own words, and once', async () => {
            for (const [status, className] of [[401, 'ScalekitToolUnauthorizedException'], [403, 'ScalekitToolForbiddenException'],
                [429, 'ScalekitToolRateLimitException'], [400, 'ScalekitToolException'], [500, 'ScalekitToolException'], [503, 'ScalekitToolException']]) {
                const refused = { ...fetchMails, toolInput: { sim_error: status } };
                const error = expect(await sdk.fails(orderOf('actions.executeTool', refused)), className, 'TOOL_ERROR');
                assert.equal(error.isToolError, true);
                assert.equal(error.toolErrorCode, 'PROVIDER_ERROR');
                assert.match(error.toolErrorMessage, /GMAIL refused/);
                assert.match(error.executionId, /^exec_/);
            }
        });

        it('Unauthorized, for a token that has ended', async () => {
            const settings = makeSettings(stack, { users: ADA });
            const ended = startSdk(stack, settings);
            await ended.call('actions.listConnectedAccounts', { identifier: ADA });
            stack.ctl('token', 'revoke', settings.id);
            const order = orderOf('raw:ConnectedAccountService.listConnectedAccounts', { identifier: ADA }, { retries: 0 });
            expect(await ended.fails(order), 'ScalekitUnauthorizedException', 'GATEHOUSE_UNAUTHENTICATED');
            // With its retries the SDK asks for another bearer first, and says what it heard to that.
            assert.equal((await ended.fails(orderOf('actions.listConnectedAccounts', { identifier: ADA }))).status, 401);
            await ended.stop();
        });
    });

    it('200 calls at a time on one connection', async () => {
        await sdk.call('actions.executeTool', fetchMails);
        await stack.fault({ match: EXECUTE, latency_ms: 300 });
        const { result, error, connections } = await sdk.send({ call: 'actions.executeTool', args: [fetchMails], burst: 200 });
        await stack.clearFaults();
        assert.equal(error, undefined, JSON.stringify(error));
        assert.equal(new Set(result.map(({ executionId }) => executionId)).size, 200);
        assert.equal(connections, 1);
    });

    describe('the documentation\'s programs', () => {
        let settings;
        before(() => {
            settings = makeSettings(stack, { users: PROGRAM_USER, scopes: 'tools:read tools:execute proxy:read' });
        });
        // In a folder of its own with .env, as somebody has it who follows the page.
        function start(name) {
            const folder = path.join(stack.run, name);
            mkdirSync(folder);
            symlinkSync(path.resolve(clients, '../../node_modules'), path.join(folder, 'node_modules'));
            copyFileSync(path.join(clients, 'docs', name), path.join(folder, name));
            writeFileSync(path.join(folder, '.env'), Object.entries(settings).filter(([key]) => key.startsWith('SCALEKIT_'))
                .map(([key, value]) => `${key}=${value}\n`).join(''));
            const child = spawn(process.execPath, [name], {
                cwd: folder, env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: stack.certificate }, stdio: ['pipe', 'pipe', 'pipe'],
            });
            const program = { child, text: '' };
            for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { program.text += data; });
            program.ended = new Promise((resolve) => { child.once('exit', resolve); });
            return program;
        }

        it('a REST call through the proxy', async () => {
            const program = start('rest-proxy-call.mjs');
            await until('the program asking', () => program.text.includes('Press Enter') || program.child.exitCode !== null);
            assert.match(program.text, new RegExp(`Authorize connector: ${stack.url}/connect/your-provider-connection\\n`));
            await stack.simPost('/sim/accounts', { connector: 'your-provider-connection', identifier: PROGRAM_USER, status: 'ACTIVE' });
            program.child.stdin.write('\n');
            await until('the program printing the answer', () => /status: 200/.test(program.text) || program.child.exitCode !== null);
            program.child.stdin.end();
            program.child.kill(); // it keeps reading standard input, as written
            await program.ended;
            assert.match(program.text, /status: 200/);
            assert.ok((await stack.simLog()).some(({ path: where }) => where === '/proxy/v1/customers'));
        });

        it('discovering and calling an MCP connector\'s tools', async () => {
            await stack.simPost('/sim/accounts', { connector: 'your-mcp-connection', identifier: PROGRAM_USER, status: 'ACTIVE' });
            const program = start('mcp-tool-call.mjs');
            assert.equal(await program.ended, 0, program.text);
            assert.match(program.text, /Available tools: \[ 'tool_name_from_discovery' \]/);
            assert.match(program.text, /executionId: 'exec_/);
        });
    });
});
