// The states of a connector, kept apart on pages and in JSON, and each with a way out of it.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Browser, startStack, until } from './harness.mjs';
import { ADA, callApi, connect, consent, executeTool, fetchMails, startConnecting } from './steps.mjs';

const EXECUTE = '/api/v1/execute_tool';
const listLabels = { tool_name: 'gmail_list_labels', connector: 'gmail', params: {} };

describe('states of a connector', () => {
    let stack;
    let ada;
    let token;
    before(async () => {
        stack = await startStack({ env: { GATEHOUSE_ACCOUNT_MAX_AGE: '0', GATEHOUSE_CATALOGUE_MAX_AGE: '1' } });
        ada = new Browser();
        await ada.signIn(stack);
        token = stack.token();
    });
    after(() => stack?.stop());

    const asJson = async (connection) => (await callApi(stack, `/api/v1/connections/${connection}`, { token, user: ADA })).json;
    const page = async (connection) => (await ada.request(`${stack.url}/connectors/${connection}`)).text;
    // What the page and the endpoint say once both say so: a look starts the reading that the next one shows.
    async function waitFor(connection, state, word) {
        await until(`${connection} being ${state}`, async () => (await asJson(connection)).state === state);
        assert.match(await page(connection), new RegExp(`</span>${word}</h2>`));
        return asJson(connection);
    }
    const events = (connection) => stack.sql(
        `SELECT old_status, new_status, source FROM account_event WHERE connection_name = '${connection}' ORDER BY id`);

    it('one word each, on the page, on the card and in JSON', async () => {
        assert.equal((await waitFor('notion', 'never_connected', 'Not connected')).status, null);
        for (const [status, state, word, way] of [
            ['PENDING_AUTH', 'waiting_for_user', 'Not finished', 'Finish'],
            ['PENDING_VERIFICATION', 'waiting_for_verification', 'Not confirmed', 'Finish'],
            ['ACTIVE', 'connected', 'Connected', 'Disconnect'],
            ['EXPIRED', 'expired', 'Access ran out', 'Reconnect'],
            ['DISCONNECTED', 'disconnected', 'Disconnected', 'Reconnect'],
        ]) {
            await stack.simPost('/sim/accounts', { connector: 'notion', identifier: ADA, status });
            const json = await waitFor('notion', state, word);
            assert.equal(json.status, status);
            assert.equal(json.refusal, null);
            assert.ok((await page('notion')).includes(way), `${state} has no way out`);
            assert.ok((await ada.request(`${stack.url}/`)).text.includes(`</span>${word}</p>`));
        }
    });

    it('expired, then connected again: the same account, in one row', async () => {
        await connect(ada, stack, 'slack');
        const { connected_account_id: id } = await waitFor('slack', 'connected', 'Connected');
        await stack.simPost('/sim/accounts', { connector: 'slack', identifier: ADA, status: 'EXPIRED' });
        await waitFor('slack', 'expired', 'Access ran out');
        await connect(ada, stack, 'slack');
        assert.equal((await waitFor('slack', 'connected', 'Connected')).connected_account_id, id);
        assert.equal(stack.sql("SELECT count(*) AS n FROM connected_account WHERE connection_name = 'slack'")[0].n, 1);
        const listed = await ada.request(`${stack.url}/`);
        assert.equal(listed.text.split('class="card-link" href="/connectors/slack"').length - 1, 1);
    });

    it('allowed but not confirmed: the page says so, and going through it again finishes it', async () => {
        const callback = await consent(ada, await startConnecting(ada, stack, 'github'));
        assert.ok(callback.includes('auth_request_id')); // and never opened: the browser was closed
        await waitFor('github', 'waiting_for_verification', 'Not confirmed');
        await connect(ada, stack, 'github');
        await waitFor('github', 'connected', 'Connected');
    });

    describe('the app refuses although it is connected', () => {
        before(() => connect(ada, stack, 'gmail'));
        const refuse = async (status) => {
            await stack.fault({ match: EXECUTE, status, error_code: 'TOOL_ERROR', message: 'no', times: 1 });
            assert.equal((await executeTool(stack, token)).status, 422);
        };

        it('a missing permission: until that tool works', async () => {
            await refuse(403);
            const json = await waitFor('gmail', 'provider_refuses', 'Refused a call');
            assert.equal(json.status, 'ACTIVE');
            assert.equal(json.refusal.tool_name, fetchMails.tool_name);
            assert.equal(json.refusal.provider_status, 403);
            const text = await page('gmail');
            assert.ok(text.includes(`<code>${fetchMails.tool_name}</code>`));
            assert.ok(text.includes('Reconnect'));
            assert.ok((await ada.request(`${stack.url}/`)).text.includes('Needs you'));
            assert.equal((await executeTool(stack, token, listLabels)).status, 200);
            assert.equal((await asJson('gmail')).state, 'provider_refuses');
            assert.equal((await executeTool(stack, token)).status, 200);
            assert.equal((await asJson('gmail')).state, 'connected');
        });

        it('access that is not taken: until any tool works', async () => {
            await refuse(401);
            await waitFor('gmail', 'provider_refuses', 'Refused a call');
            assert.equal((await executeTool(stack, token, listLabels)).status, 200);
            await waitFor('gmail', 'connected', 'Connected');
        });

        it('until the person connects again, which keeps the account', async () => {
            await refuse(403);
            const { connected_account_id: id } = await waitFor('gmail', 'provider_refuses', 'Refused a call');
            assert.match((await ada.request(`${stack.url}/connect/gmail`)).text, /You are about to reconnect/);
            await connect(ada, stack, 'gmail');
            assert.equal((await waitFor('gmail', 'connected', 'Connected')).connected_account_id, id);
        });

        it('a failure of the app is no refusal', async () => {
            await stack.fault({ match: EXECUTE, status: 500, error_code: 'TOOL_ERROR', message: 'no', times: 1 });
            assert.equal((await executeTool(stack, token)).status, 422);
            assert.equal((await asJson('gmail')).state, 'connected');
        });

        it('a refusal asks Scalekit at once: an account that has ended says so', async () => {
            await stack.simPost('/sim/accounts', { connector: 'gmail', identifier: ADA, status: 'EXPIRED', quiet: true });
            await refuse(401);
            await until('Gmail being expired', () => stack.sql(
                "SELECT status FROM connected_account WHERE connection_name = 'gmail'")[0].status === 'EXPIRED');
            assert.equal((await asJson('gmail')).refusal, null);
        });
    });

    it('switched off, switched on, renamed', async () => {
        await stack.simPost('/sim/connections', { name: 'github', enabled: false });
        await waitFor('github', 'not_offered', 'Not offered');
        assert.equal((await asJson('github')).offered, false);
        assert.equal((await executeTool(stack, token, { tool_name: 'github_list_repos', connector: 'github' })).status, 404);
        assert.deepEqual(events('github').at(-1), { old_status: 'ACTIVE', new_status: 'NOT_OFFERED', source: 'catalogue' });
        assert.match(await page('github'), /It is not offered here any more/);
        await stack.simPost('/sim/connections', { name: 'github', enabled: true });
        await waitFor('github', 'connected', 'Connected');
        assert.match(await page('github'), /It is offered here again/);
        await stack.simPost('/sim/connections', { name: 'github', rename: 'github-new' });
        await until('the new name', async () => (await asJson('github-new')).state === 'connected');
        assert.equal((await ada.request(`${stack.url}/connectors/github`)).status, 404);
        assert.equal(events('github').at(-1).new_status, null);
    });
});
