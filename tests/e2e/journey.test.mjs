// The main job over plain HTTP: what people meet on the way from a stranger to a connected app and back.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Browser, field, startStack, until } from './harness.mjs';
import {
    ADA, GRACE, callApi, connect, consent, csrfOf, disconnect, executeTool, fetchMails, giveKey, startConnecting,
} from './steps.mjs';

const cookies = (answer) => Object.fromEntries(answer.headers.getSetCookie().map((line) => {
    const [pair, ...attributes] = line.split('; ');
    return [pair.slice(0, pair.indexOf('=')), { value: pair.slice(pair.indexOf('=') + 1), attributes: attributes.sort() }];
}));

describe('the journey', () => {
    let stack;
    let token;
    before(async () => {
        stack = await startStack({ env: { GATEHOUSE_ACCOUNT_MAX_AGE: '0', GATEHOUSE_RETURN_ORIGINS: 'https://agent.example:8443' } });
        token = stack.token();
    });
    after(() => stack?.stop());
    afterEach(async () => {
        await stack.clearFaults();
        for (const row of stack.sql('SELECT u.identifier, a.connection_name FROM connected_account a JOIN user u ON u.id = a.user_id')) {
            const browser = await signedIn(row.identifier === ADA ? 'ada' : 'grace');
            await disconnect(browser, stack, row.connection_name, 'remove');
        }
    });

    const signedIn = async (person = 'ada') => {
        const browser = new Browser();
        const page = await browser.signIn(stack, person);
        assert.equal(page.status, 200);
        return browser;
    };
    const statusOf = async (connection, user = ADA) => {
        const { json } = await callApi(stack, '/api/v1/connections', { token, user });
        return json.connections.find(({ connection_name: name }) => name === connection).status;
    };
    const recordedStatus = (connection, user = ADA) => stack.sql(`SELECT a.status FROM connected_account a
        JOIN user u ON u.id = a.user_id WHERE u.identifier = '${user}' AND a.connection_name = '${connection}'`)[0]?.status;
    const lastAttempt = () => stack.sql('SELECT used_at, outcome FROM authorization_request ORDER BY created_at DESC LIMIT 1')[0];
    const verifications = async () => (await stack.simLog()).filter(({ path }) => path.endsWith('/user/verify')).length;

    describe('signing in', () => {
        it('a stranger is asked to sign in, and comes back to where they were going', async () => {
            const browser = new Browser();
            const start = await browser.request(`${stack.url}/connect/gmail?return_to=%2Fconnectors%2Fgmail`);
            assert.equal(start.status, 303);
            assert.match(start.location, /\/signin\?return_to=%2Fconnect%2Fgmail%3Freturn_to/);
            const provider = await browser.request(start.location);
            assert.equal(new URL(provider.location).origin, stack.sim);
            const end = await browser.follow(`${provider.location}&sim_person=ada`);
            assert.equal(end.url, `${stack.url}/connect/gmail?return_to=%2Fconnectors%2Fgmail`);
            assert.match(end.text, /Gmail/);
        });

        it('asks the provider by the book', async () => {
            const { location } = await new Browser().request(`${stack.url}/signin?go=1`);
            const query = new URL(location).searchParams;
            assert.equal(query.get('response_type'), 'code');
            assert.equal(query.get('code_challenge_method'), 'S256');
            assert.match(query.get('code_challenge'), /^[\w-]{43}$/);
            assert.match(query.get('state'), /^[\w-]{20,}$/);
            assert.match(query.get('nonce'), /^[\w-]{20,}$/);
            assert.notEqual(query.get('state'), query.get('nonce'));
            assert.equal(query.get('redirect_uri'), `${stack.url}/signin/callback`);
            assert.match(query.get('scope'), /\bopenid\b/);
        });

        it('sets cookies that scripts and other sites cannot use', async () => {
            const browser = new Browser();
            const start = await browser.request(`${stack.url}/signin?go=1`);
            const [[name, attempt]] = Object.entries(cookies(start));
            assert.match(name, /^gatehouse-signin-[0-9a-f]{16}$/);
            assert.deepEqual(attempt.attributes, ['HttpOnly', 'Max-Age=600', 'Path=/', 'SameSite=Lax']);
            const back = await browser.request(`${start.location}&sim_person=ada`);
            const end = await browser.request(back.location);
            const set = cookies(end);
            assert.deepEqual(Object.keys(set).sort(), ['gatehouse-session', name]);
            assert.equal(set[name].value, '');
            assert.match(set['gatehouse-session'].value, /^[\w-]{43}$/);
            assert.deepEqual(set['gatehouse-session'].attributes, ['HttpOnly', 'Max-Age=604800', 'Path=/', 'SameSite=Lax']);
            const hash = stack.sql('SELECT hex(hash) AS hash, sealed_id_token FROM session ORDER BY id DESC LIMIT 1')[0];
            assert.equal(hash.hash.length, 64);
            assert.ok(!JSON.stringify(stack.sql('SELECT *, hex(hash) FROM session')).includes(set['gatehouse-session'].value));
            assert.doesNotMatch(hash.sealed_id_token ?? '', /^eyJ/);
        });

        it('on https the cookies are __Host- and Secure, and the site asks to stay on https', async () => {
            const secure = await startStack({ env: { GATEHOUSE_PUBLIC_URL: 'https://portal.example.com' } });
            try {
                const answer = await new Browser().request(`${secure.url}/signin?go=1`);
                const [[name, cookie]] = Object.entries(cookies(answer));
                assert.match(name, /^__Host-signin-[0-9a-f]{16}$/);
                assert.deepEqual(cookie.attributes, ['HttpOnly', 'Max-Age=600', 'Path=/', 'SameSite=Lax', 'Secure']);
                assert.match(answer.headers.get('strict-transport-security'), /max-age=\d{7,}/);
                assert.equal(new URL(answer.location).searchParams.get('redirect_uri'), 'https://portal.example.com/signin/callback');
            } finally {
                await secure.stop();
            }
        });

        it('several tabs at once all work, and each sign-in makes a new session that ends the old one', async () => {
            const browser = new Browser();
            const tabs = [];
            for (const target of ['/connectors/gmail', '/connectors/slack']) {
                tabs.push(await browser.request(`${stack.url}/signin?go=1&return_to=${encodeURIComponent(target)}`));
            }
            const first = await browser.follow(`${tabs[0].location}&sim_person=ada`);
            assert.equal(first.url, `${stack.url}/connectors/gmail`);
            const old = browser.jar(stack.url).get('gatehouse-session');
            const second = await browser.follow(`${tabs[1].location}&sim_person=ada`);
            assert.equal(second.url, `${stack.url}/connectors/slack`);
            assert.notEqual(browser.jar(stack.url).get('gatehouse-session'), old);
            const thief = new Browser();
            thief.jar(stack.url).set('gatehouse-session', old);
            assert.equal((await thief.request(`${stack.url}/`)).status, 303);
        });

        it('a person who cancels gets a page with a way on, and no session', async () => {
            const browser = new Browser();
            const start = await browser.request(`${stack.url}/signin?go=1`);
            const end = await browser.follow(`${start.location}&sim_person=cancel`);
            assert.equal(end.status, 403);
            assert.match(end.text, /href="\/signin\?go=1"/);
            assert.equal(browser.jar(stack.url).get('gatehouse-session'), undefined);
        });

        it('a code that was used, and an answer that another browser started, are refused', async () => {
            const browser = new Browser();
            const start = await browser.request(`${stack.url}/signin?go=1`);
            const { location } = await browser.request(`${start.location}&sim_person=ada`);
            const stranger = new Browser();
            assert.equal((await stranger.request(location)).status, 409);
            assert.equal(stranger.jar(stack.url).get('gatehouse-session'), undefined);
            assert.equal((await browser.request(location)).status, 303);
            assert.equal((await browser.request(location)).status, 409);
        });

        it('return_to leads nowhere but here', async () => {
            for (const evil of ['https://evil.example/', '//evil.example/', '/\\evil.example', '/\t/evil.example', 'javascript:alert(1)',
                '/%0d%0aSet-Cookie:x=y', '/a\r\nSet-Cookie: x=y', 'http:evil.example', '/..//evil.example']) {
                const browser = new Browser();
                const answer = await browser.request(`${stack.url}/signin?return_to=${encodeURIComponent(evil)}`);
                if (answer.status === 303) {
                    const end = await browser.follow(`${answer.location}&sim_person=ada`);
                    assert.equal(new URL(end.url).origin, stack.url, evil);
                } else {
                    assert.equal(answer.status, 400, evil);
                }
                assert.equal(answer.headers.get('x'), null);
                assert.ok(!answer.headers.getSetCookie().some((line) => line.startsWith('x=')), evil);
            }
        });

        it('signing out ends the session here and at the provider', async () => {
            const browser = await signedIn();
            const stolen = browser.jar(stack.url).get('gatehouse-session');
            const answer = await browser.request(`${stack.url}/signout`, { form: { csrf: await csrfOf(browser, stack) } });
            const logout = new URL(answer.location);
            assert.equal(logout.origin + logout.pathname, `${stack.sim}/oidc/logout`);
            assert.equal(logout.searchParams.get('post_logout_redirect_uri'), `${stack.url}/signed-out`);
            assert.ok(logout.searchParams.get('id_token_hint'));
            const end = await browser.follow(answer.location);
            assert.equal(end.url, `${stack.url}/signed-out`);
            assert.match(end.text, /signed out/);
            assert.equal(browser.jar(stack.url).get('gatehouse-session'), undefined);
            assert.equal(browser.jar(stack.sim).get('sim_person'), undefined);
            const thief = new Browser();
            thief.jar(stack.url).set('gatehouse-session', stolen);
            assert.equal((await thief.request(`${stack.url}/`)).status, 303);
        });

        it('idle and old sessions end', async () => {
            for (const column of ['idle_expires_at', 'expires_at']) {
                const browser = await signedIn();
                stack.sql(`UPDATE session SET idle_expires_at = created_at, ${column} = created_at
                           WHERE id = (SELECT max(id) FROM session)`, { write: true });
                assert.equal((await browser.request(`${stack.url}/`)).status, 303, column);
            }
        });
    });

    describe('connecting', () => {
        it('says what will happen, asks Scalekit at the click, and says that it is connected, once', async () => {
            const browser = await signedIn();
            const page = await browser.request(`${stack.url}/connect/gmail`);
            assert.match(page.text, /You are about to connect Gmail/);
            const asked = (await stack.simLog()).length;
            const link = await startConnecting(browser, stack, 'gmail');
            const minted = (await stack.simLog()).slice(asked).filter(({ path }) => path.endsWith('/magic_link'));
            assert.equal(minted.length, 1);
            const body = JSON.parse(minted[0].body);
            assert.equal(body.connector, 'gmail');
            assert.equal(body.identifier, ADA);
            assert.equal(body.user_verify_url, `${stack.url}/connect/callback`);
            assert.match(body.state, /^[\w-]{22,}$/);
            const answer = await browser.request(await consent(browser, link));
            assert.equal(answer.status, 303);
            const shown = await browser.follow(answer.location);
            assert.match(shown.text, /Gmail is connected|gmail is connected/);
            assert.doesNotMatch((await browser.request(shown.url)).text, /is connected\. You can use it/);
            assert.equal(recordedStatus('gmail'), 'ACTIVE');
            assert.equal((await executeTool(stack, token)).status, 200);
            assert.ok(!JSON.stringify(stack.sql('SELECT *, hex(state_hash), hex(browser_hash) FROM authorization_request')).includes(body.state));
        });

        it('leads back to return_to: here, or at an origin that was allowed', async () => {
            const browser = await signedIn();
            const answer = await connect(browser, stack, 'gmail', { returnTo: '/connectors/slack' });
            assert.equal(answer.location, `${stack.url}/connectors/slack`);
            const away = await connect(browser, stack, 'slack', { returnTo: 'https://agent.example:8443/done?x=1' });
            assert.equal(away.location, 'https://agent.example:8443/done?x=1');
        });

        it('refuses a return_to to anywhere else, before anything is asked', async () => {
            const browser = await signedIn();
            const csrf = await csrfOf(browser, stack);
            const asked = (await stack.simLog()).filter(({ path }) => path.endsWith('/magic_link')).length;
            for (const evil of ['https://evil.example/', 'https://agent.example/', '//evil.example', 'https://agent.example:8443@evil.example/',
                'javascript:alert(1)', '/\\evil.example']) {
                const page = await browser.request(`${stack.url}/connect/gmail?return_to=${encodeURIComponent(evil)}`);
                assert.equal(page.status, 400, evil);
                const answer = await browser.request(`${stack.url}/connectors/gmail/connect`, { form: { csrf, return_to: evil } });
                assert.equal(answer.status, 400, evil);
            }
            assert.equal((await stack.simLog()).filter(({ path }) => path.endsWith('/magic_link')).length, asked);
        });

        it('refused consent: a notice in our own words, nothing recorded as connected', async () => {
            const browser = await signedIn();
            const callback = await consent(browser, await startConnecting(browser, stack, 'gmail'), 'refuse');
            const answer = await browser.request(callback);
            assert.equal(answer.status, 303);
            const page = await browser.follow(answer.location);
            assert.match(page.text, /was not connected, because you did not allow it/);
            assert.doesNotMatch(page.text, /The user refused the request|access_denied/);
            assert.notEqual(await statusOf('gmail'), 'ACTIVE');
        });

        // What is wrong with what came back, how it is said, and that Scalekit is not even asked.
        const refusals = {
            'a replayed answer': {
                async spoil(browser, callback) {
                    assert.equal((await browser.request(callback)).status, 303);
                    return { browser, callback };
                },
                asked: 1, connected: true, status: 409, heading: /finished before/,
            },
            'an expired attempt': {
                async spoil(browser, callback) {
                    stack.sql('UPDATE authorization_request SET expires_at = created_at', { write: true });
                    return { browser, callback };
                },
                asked: 0, status: 410, heading: /too long/,
            },
            'another browser of the same person': {
                async spoil(_, callback) {
                    return { browser: await signedIn(), callback };
                },
                asked: 0, status: 403, heading: /one browser/,
            },
            'another person in the same browser': {
                async spoil(browser, callback) {
                    await browser.follow(`${stack.url}/signout`, { form: { csrf: await csrfOf(browser, stack) } });
                    await browser.signIn(stack, 'grace');
                    return { browser, callback };
                },
                asked: 0, status: 403, heading: /somebody else|another person|other account|another account/i,
            },
            'a state that nobody was given': {
                async spoil(browser, callback) {
                    return { browser, callback: callback.replace(/state=[^&]*/, `state=${'A'.repeat(43)}`) };
                },
                asked: 0, status: 404, heading: /link does not work/,
            },
            'no state at all': {
                async spoil(browser, callback) {
                    return { browser, callback: callback.replace(/[?&]state=[^&]*/, (found) => (found[0] === '?' ? '?x' : '')).replace('?x&', '?') };
                },
                asked: 0, status: 404, heading: /link does not work/,
            },
        };
        for (const [name, { spoil, asked, connected = false, status, heading }] of Object.entries(refusals)) {
            it(`${name}: its own page, nothing recorded`, async () => {
                const first = await signedIn();
                const good = await consent(first, await startConnecting(first, stack, 'gmail'));
                const count = await verifications();
                const { browser, callback } = await spoil(first, good);
                const answer = await browser.request(callback);
                assert.equal(answer.status, status, answer.text);
                assert.match(/<h1>(.*?)<\/h1>/.exec(answer.text)[1], heading);
                assert.match(answer.text, /<a class="button/);
                assert.equal(await verifications() - count, asked);
                assert.equal(recordedStatus('gmail') === 'ACTIVE', connected);
                assert.notEqual(recordedStatus('gmail', GRACE), 'ACTIVE');
            });
        }

        it('a stranger with the callback address is sent to sign in first', async () => {
            const browser = await signedIn();
            const callback = await consent(browser, await startConnecting(browser, stack, 'gmail'));
            const answer = await new Browser().request(callback);
            assert.equal(answer.status, 303);
            assert.match(answer.location, /\/signin\?return_to=%2Fconnect%2Fcallback/);
            assert.notEqual(recordedStatus('gmail'), 'ACTIVE');
        });

        for (const [status, code, words] of [
            [403, 'PERMISSION_DENIED', /somebody else|another person|other person|not you|different/i],
            [404, 'RESOURCE_NOT_FOUND', /again|used|too long|no longer/i],
            [503, 'UNAVAILABLE', /again/i],
        ]) {
            it(`Scalekit answers ${status} to the verification: said so, nothing recorded as connected`, async () => {
                const browser = await signedIn();
                const callback = await consent(browser, await startConnecting(browser, stack, 'gmail'));
                await stack.fault({ match: '/api/v1/connected_accounts/user/verify', status, error_code: code, message: 'raw words of Scalekit' });
                const page = await browser.follow(callback);
                assert.match(page.text, words);
                assert.doesNotMatch(page.text, /raw words of Scalekit|PERMISSION_DENIED|UNAVAILABLE/);
                assert.doesNotMatch(page.text, /is connected\. You can use it/);
                assert.notEqual(recordedStatus('gmail'), 'ACTIVE');
                assert.notEqual(lastAttempt().used_at, null);
            });
        }

        it('Scalekit is not reachable at the click: said so, and trying again works', async () => {
            const browser = await signedIn();
            await stack.fault({ match: '/api/v1/connected_accounts/magic_link', status: 503 });
            const csrf = await csrfOf(browser, stack);
            const answer = await browser.follow(`${stack.url}/connectors/gmail/connect`, { form: { csrf } });
            assert.match(answer.text, /try again|could not be reached/i);
            await stack.clearFaults();
            await connect(browser, stack, 'gmail');
            assert.equal(recordedStatus('gmail'), 'ACTIVE');
        });

        it('a connection that asks for a key, and never leads back, is noticed on return', async () => {
            const browser = await signedIn();
            await giveKey(browser, await startConnecting(browser, stack, 'exa'));
            const page = await browser.request(`${stack.url}/connectors/exa`);
            assert.match(page.text, /class="status status-connected"/);
            assert.equal(recordedStatus('exa'), 'ACTIVE');
        });

        it('a connection that needs no credentials is connected at once', async () => {
            const browser = await signedIn();
            const page = await browser.follow(`${stack.url}/connectors/hackernews/connect`, { form: { csrf: await csrfOf(browser, stack) } });
            if (new URL(page.url).origin === stack.sim) await browser.request(page.url, { form: { decision: 'allow' } });
            await browser.request(`${stack.url}/connectors/hackernews`);
            assert.equal(await statusOf('hackernews'), 'ACTIVE');
        });

        it('a connection that is not offered, or does not exist, has no page', async () => {
            const browser = await signedIn();
            const csrf = await csrfOf(browser, stack);
            for (const name of ['salesforce', 'jira', 'nothing', '%3Cscript%3E']) {
                assert.equal((await browser.request(`${stack.url}/connectors/${name}`)).status, 404, name);
                assert.equal((await browser.request(`${stack.url}/connect/${name}`)).status, 404, name);
                assert.equal((await browser.request(`${stack.url}/connectors/${name}/connect`, { form: { csrf } })).status, 404, name);
            }
        });
    });

    describe('ending', () => {
        it('disconnect keeps the record, remove forgets it; both say so and both are on record', async () => {
            const browser = await signedIn();
            await connect(browser, stack, 'gmail');
            const answer = await disconnect(browser, stack, 'gmail');
            assert.equal(answer.status, 303);
            assert.match((await browser.follow(answer.location)).text, /is disconnected/);
            assert.equal(recordedStatus('gmail'), 'DISCONNECTED');
            assert.equal((await executeTool(stack, token)).status, 409);
            const removed = await disconnect(browser, stack, 'gmail', 'remove');
            assert.match((await browser.follow(removed.location)).text, /is removed/);
            assert.equal(recordedStatus('gmail'), undefined);
            const events = stack.sql("SELECT old_status, new_status FROM account_event WHERE connection_name = 'gmail' ORDER BY id").slice(-2);
            assert.deepEqual(events, [
                { old_status: 'ACTIVE', new_status: 'DISCONNECTED' }, { old_status: 'DISCONNECTED', new_status: null },
            ]);
        });

        it('Scalekit is down: said so, and still recorded as connected', async () => {
            const browser = await signedIn();
            await connect(browser, stack, 'gmail');
            await stack.fault({ match: '/api/v1/connected_accounts*disconnect', method: 'POST', status: 503 });
            const answer = await disconnect(browser, stack, 'gmail');
            const page = answer.location ? await browser.follow(answer.location) : answer;
            assert.match(page.text, /try again|could not be reached/i);
            assert.doesNotMatch(page.text, /is disconnected\./);
            assert.equal(recordedStatus('gmail'), 'ACTIVE');
        });

        it('ended at Scalekit behind our back: the next look knows', async () => {
            const browser = await signedIn();
            await connect(browser, stack, 'gmail');
            await stack.simPost('/sim/accounts', { connector: 'gmail', identifier: ADA, status: 'EXPIRED' });
            await browser.request(`${stack.url}/`);
            await until('the refresh behind the page', () => recordedStatus('gmail') === 'EXPIRED');
            assert.match((await browser.request(`${stack.url}/`)).text, /status-attention/);
            assert.equal((await executeTool(stack, token)).status, 409);
        });
    });

    it('pages render from the record when Scalekit is down, and say so', async () => {
        const browser = await signedIn();
        await connect(browser, stack, 'gmail');
        await stack.fault({ match: '/api/', status: 503 });
        await browser.request(`${stack.url}/`);
        await until('the page saying that it is old', async () => {
            const page = await browser.request(`${stack.url}/`);
            assert.equal(page.status, 200);
            assert.match(page.text, /Gmail/);
            return /class="stale"/.test(page.text);
        });
    });

    it('the form of one session is refused in another', async () => {
        const [ada, other] = [await signedIn(), await signedIn()];
        const answer = await ada.request(`${stack.url}/connectors/gmail/connect`, { form: { csrf: await csrfOf(other, stack) } });
        assert.equal(answer.status, 403);
    });

    it('people do not see each other\'s accounts', async () => {
        const [ada, grace] = [await signedIn('ada'), await signedIn('grace')];
        await connect(ada, stack, 'gmail');
        assert.equal(await statusOf('gmail'), 'ACTIVE');
        assert.notEqual(await statusOf('gmail', GRACE), 'ACTIVE');
        assert.doesNotMatch((await grace.request(`${stack.url}/connectors/gmail`)).text, /status-connected/);
        assert.equal((await callApi(stack, '/api/v1/execute_tool', { token, user: GRACE, body: fetchMails })).status, 409);
    });

    it('kill -9 at any moment loses nothing that was answered', async () => {
        const browser = await signedIn();
        await connect(browser, stack, 'gmail');
        const answered = [];
        let running = true;
        const load = Array.from({ length: 8 }, async () => {
            while (running) {
                const answer = await executeTool(stack, token).catch(() => ({ status: 0 }));
                if (answer.status === 200) answered.push(answer.headers.get('x-request-id'));
                else if (answer.status !== 0) await new Promise((resolve) => setTimeout(resolve, 20));
            }
        });
        await until('some calls to be answered', () => answered.length >= 100);
        const removal = await disconnect(browser, stack, 'gmail');
        assert.equal(removal.status, 303);
        await stack.programs.gatehouse.kill('SIGKILL');
        running = false;
        await Promise.all(load);
        await stack.startGatehouse();
        assert.equal(stack.sql('PRAGMA integrity_check')[0].integrity_check, 'ok');
        const recorded = new Set(stack.sql('SELECT request_id FROM tool_call').map((row) => row.request_id));
        assert.deepEqual(answered.filter((id) => !recorded.has(id)), []);
        assert.equal(recordedStatus('gmail'), 'DISCONNECTED');
        assert.equal((await browser.request(`${stack.url}/`)).status, 200, 'the session survived');
        assert.equal((await executeTool(stack, token)).status, 409);
        assert.ok(field((await browser.request(`${stack.url}/connect/gmail`)).text, 'csrf'));
    });
});
