// What the operator does to people from a shell while the service runs: show, suspend, resume, forget.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { Browser, startStack } from './harness.mjs';
import { ADA, GRACE, assertProblem, callApi, connect, executeTool } from './steps.mjs';

describe('people', () => {
    let stack;
    let ada;
    const tokens = {};
    before(async () => {
        stack = await startStack();
        ada = new Browser();
        await ada.signIn(stack);
        await connect(ada, stack, 'gmail');
        tokens.personal = stack.token({ personal: ADA });
        tokens.service = stack.token({ users: `${ADA} ${GRACE}`, label: 'agent' });
    });
    after(() => stack?.stop());

    const me = (options) => callApi(stack, '/api/v1/me', options);
    const signedIn = async () => (await ada.request(`${stack.url}/`)).status === 200;
    const ctlFails = (...args) => {
        const { status, stderr } = spawnSync(stack.bin('gatehousectl'), args, { env: stack.environment, encoding: 'utf8' });
        assert.notEqual(status, 0);
        return { status, stderr };
    };
    const deletions = async () => (await stack.simLog()).filter(({ path }) => path.endsWith(':delete')).map(({ status }) => status);

    it('shows what is kept about somebody', () => {
        const text = stack.ctl('user', 'show', ADA);
        assert.match(text, /^identifier\tada@example\.com$/m);
        assert.match(text, /^suspended\tno$/m);
        assert.match(text, /^sessions\t1$/m);
        assert.match(text, /^access keys\t1$/m);
        assert.match(text, /^account\tgmail\tACTIVE$/m);
        assert.match(ctlFails('user', 'show', 'nobody@example.com').stderr, /nobody here has the identifier/);
        assert.equal(ctlFails('user', 'show').status, 2);
    });

    it('suspends at once whatever is signed in, and lets in again', async () => {
        assert.equal(await signedIn(), true);
        assert.match(stack.ctl('user', 'suspend', ADA), /suspended\. Sessions ended: 1\./);
        assert.equal(await signedIn(), false);
        assertProblem(await me({ token: tokens.personal }), 401, 'unauthenticated');
        assertProblem(await executeTool(stack, tokens.service), 403, 'forbidden');
        assert.equal((await me({ token: tokens.service, user: GRACE })).status, 200);
        const refused = await new Browser().signIn(stack);
        assert.equal(refused.status, 403);
        assert.match(refused.text, /It is suspended/);
        assert.match(stack.ctl('user', 'list'), /^ada@example\.com\t.*\tsuspended$/m);
        assert.match(stack.ctl('user', 'suspend', ADA), /nothing was changed/);

        assert.match(stack.ctl('user', 'resume', ADA), /no longer suspended/);
        assert.match(stack.ctl('user', 'resume', ADA), /nothing was changed/);
        assert.equal((await me({ token: tokens.personal })).status, 200);
        assert.equal((await executeTool(stack, tokens.service)).status, 200);
        assert.equal(await signedIn(), false, 'the session has ended for good');
        await ada.signIn(stack);
        assert.equal(await signedIn(), true);
    });

    it('forgets, keeps the trail as nobody\'s, and has the accounts deleted', async () => {
        const calls = stack.sql('SELECT count(*) AS n FROM tool_call')[0].n;
        assert.ok(calls >= 1);
        await stack.fault({ match: '/api/v1/connected_accounts:delete', status: 503 });
        assert.match(ctlFails('user', 'forget', ADA, '--delete-accounts').stderr, /user forget/);
        assert.match(stack.ctl('user', 'show', ADA), /^suspended\t2/m);
        await stack.clearFaults();
        const before = (await deletions()).length;

        const told = stack.ctl('user', 'forget', ADA, '--delete-accounts');
        assert.match(told, /Scalekit deleted the account on gmail/);
        assert.match(told, /is forgotten\. Gone: .*access keys: 1, recorded accounts: 1\./);
        assert.match(told, /service token tok_\S+ \(agent\) still name ada@example\.com/);
        assert.deepEqual((await deletions()).slice(before), [200]);
        assert.equal(await signedIn(), false);
        assertProblem(await me({ token: tokens.personal }), 401, 'unauthenticated');
        assert.equal(stack.sql('SELECT count(*) AS n FROM tool_call')[0].n, calls);

        // No table holds anything that is hers, but for the operator's own rule.
        const dump = execFileSync('sqlite3', ['-readonly', stack.settings.GATEHOUSE_DATABASE, '.dump'], { encoding: 'utf8' });
        const left = dump.split('\n').filter((line) => /ada|lovelace/i.test(line) && !/^INSERT INTO api_token .*agent/.test(line));
        assert.deepEqual(left.filter((line) => line.startsWith('INSERT')), []);

        // Nor do the bytes of the files.
        for (const ending of ['', '-wal']) {
            const bytes = readFileSync(`${stack.settings.GATEHOUSE_DATABASE}${ending}`);
            assert.equal(bytes.includes('Lovelace'), false, `the database${ending} still holds her name`);
        }

        assert.match(stack.ctl('user', 'forget', ADA, '--delete-accounts'), /nothing to forget/);
        assert.doesNotMatch(stack.ctl('user', 'list'), /ada@|forgotten/);
        await ada.signIn(stack);
        assert.match(stack.ctl('user', 'show', ADA), /^tool calls\t0$/m);
    });
});
