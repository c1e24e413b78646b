// Sign-in by OpenID Connect against a real provider and against one that lies, through nginx.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Browser, field, startStack, until } from '../harness.mjs';
import { person as ada, startHonestProvider } from './provider-honest.mjs';
import { makeKey, publicPem, signHs256, signRs256, startLyingProvider, unsigned } from './provider-lying.mjs';

const clientId = 'gate house';
const clientSecret = 's3cr:t/+&% of the test';
const session = 'gatehouse-session';
const now = () => Math.floor(Date.now() / 1000);

const me = (browser, stack) => browser.request(`${stack.url}/api/v1/me`, { headers: { accept: 'application/json' } });
const attemptCookies = (browser, stack) => [...browser.jar(stack.url).keys()].filter((name) => name.startsWith('gatehouse-signin-'));

// Go to the provider and come back as far as the callback's address, without opening it.
async function comeBack(browser, stack, returnTo = '/') {
    const start = await browser.request(`${stack.url}/signin?go=1&return_to=${encodeURIComponent(returnTo)}`);
    assert.equal(start.status, 303, start.text);
    let answer = start;
    while (!answer.location?.startsWith(`${stack.url}/signin/callback`)) {
        assert.ok(answer.location, `stuck at ${answer.url}: ${answer.status} ${answer.text.slice(0, 300)}`);
        answer = await browser.request(answer.location);
    }
    return answer.location;
}

async function assertSignedIn(browser, stack, email) {
    const answer = await me(browser, stack);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(JSON.parse(answer.text).user.email, email);
}

async function assertNotSignedIn(browser, stack) {
    assert.equal(browser.jar(stack.url).has(session), false);
    assert.equal((await me(browser, stack)).status, 401);
}

function assertPlainPage(answer, status) {
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.headers.get('content-type'), /^text\/html/);
    assert.match(answer.headers.get('cache-control'), /no-store/);
    assert.match(answer.text, /<h1>[^<]+<\/h1>/);
    assert.match(answer.text, /href="\/(signin[^"]*)?"[^>]*>(Try again|See your connectors)</);
    assert.doesNotMatch(answer.text, /EVIL|<script>alert/i);
}

describe('an honest provider', () => {
    for (const auth of ['client_secret_basic', 'client_secret_post', 'none']) {
        describe(auth, () => {
            let provider;
            let stack;
            before(async () => {
                provider = await startHonestProvider();
                const secret = auth === 'none' ? { OIDC_CLIENT_SECRET_FILE: undefined } : { OIDC_CLIENT_SECRET: clientSecret };
                stack = await startStack({ env: { OIDC_ISSUER: provider.issuer, OIDC_CLIENT_ID: clientId, ...secret } });
                provider.serve({ portal: stack.url, clientId, clientSecret, auth });
            });
            after(async () => {
                await stack?.stop();
                await provider?.stop();
            });

            test('signs in, comes back where one was, signs out at both ends', async () => {
                const browser = new Browser();
                const asked = await browser.request(`${stack.url}/connectors/gmail?x=1`);
                assert.equal(asked.status, 303);
                assert.equal(asked.location, `${stack.url}/signin?return_to=${encodeURIComponent('/connectors/gmail?x=1')}`);
                const callback = await comeBack(browser, stack, '/activity?x=1');
                const welcome = await browser.request(callback);
                assert.equal(welcome.status, 303, welcome.text);
                assert.equal(welcome.location, `${stack.url}/activity?x=1`);
                await assertSignedIn(browser, stack, ada.email);
                assert.deepEqual(attemptCookies(browser, stack), []);

                const kept = browser.jar(stack.url).get(session);
                const page = await browser.request(`${stack.url}/signed-out`); // any page has the form
                const out = await browser.request(`${stack.url}/signout`, { form: { csrf: field(page.text, 'csrf') } });
                assert.equal(out.status, 303, out.text);
                assert.ok(out.location.startsWith(`${provider.issuer}/session/end?`), out.location);
                const confirm = await browser.follow(out.location);
                const form = { xsrf: field(confirm.text, 'xsrf'), logout: 'yes' };
                const done = await browser.follow(`${provider.issuer}/session/end/confirm`, { form });
                assert.equal(done.status, 200, done.text);
                assert.ok(done.url.startsWith(`${stack.url}/signed-out`), done.url);
                await assertNotSignedIn(browser, stack);
                browser.jar(stack.url).set(session, kept);
                assert.equal((await me(browser, stack)).status, 401, 'the old cookie is worth nothing');
            });

            test('a session ended at the provider ends here, and no other', async () => {
                const [here, elsewhere] = [new Browser(), new Browser()];
                for (const browser of [here, elsewhere]) {
                    await browser.request(await comeBack(browser, stack));
                    await assertSignedIn(browser, stack, ada.email);
                }
                const confirm = await here.follow(`${provider.issuer}/session/end`);
                const form = { xsrf: field(confirm.text, 'xsrf'), logout: 'yes' };
                await here.request(`${provider.issuer}/session/end/confirm`, { form });
                await until('the end of the session', async () => (await me(here, stack)).status === 401);
                await assertSignedIn(elsewhere, stack, ada.email);
                const [told] = stack.requests().filter((line) => line.route === '/signin/backchannel-logout');
                assert.equal(told.status, '200');
            });
        });
    }
});

describe('a provider that lies', () => {
    let provider;
    let stack;
    before(async () => {
        provider = await startLyingProvider({ clientId, clientSecret });
        stack = await startStack({
            env: { OIDC_ISSUER: provider.issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret },
        });
    });
    after(async () => {
        await stack?.stop();
        await provider?.stop();
    });

    test('about itself', async (t) => {
        const rows = {
            'another issuer': [502, (document) => ({ ...document, issuer: 'https://evil.example' })],
            'plain http to another host': [502, (document) => ({ ...document, token_endpoint: 'http://evil.example/token' })],
            'javascript as a page': [502, (document) => ({ ...document, authorization_endpoint: 'javascript:alert(1)' })],
            'no keys': [502, (document) => ({ ...document, jwks_uri: undefined })],
            'no way to prove ourselves': [500, (document) => ({ ...document, token_endpoint_auth_methods_supported: ['tls_client_auth'] })],
            HTML: [502, () => ({ raw: { body: '<h1>EVIL</h1>' } })],
            'an answer that is cut': [503, () => ({ raw: { cut: true } })],
            'a redirect': [502, () => ({ raw: { status: 302, headers: { location: '/elsewhere' } } })],
            'a broken server': [503, () => ({ raw: { status: 500, body: 'EVIL' } })],
        };
        for (const [name, [status, discovery]] of Object.entries(rows)) {
            await t.test(name, async () => {
                provider.behave({ discovery });
                const browser = new Browser();
                const first = provider.seen.discovery;
                const answers = await Promise.all([1, 2, 3, 4].map(() => browser.request(`${stack.url}/signin?go=1`)));
                for (const answer of answers) assertPlainPage(answer, status);
                assert.equal(provider.seen.discovery, first + 1, 'one fetch for all');
                await sleep(1100); // a failure is remembered for a second
            });
        }
        provider.behave();
        const browser = new Browser();
        await browser.request(await comeBack(browser, stack));
        await assertSignedIn(browser, stack, 'grace@example.com');
    });

    const other = makeKey('key-1');
    const lies = {
        'no nonce': [403, { claims: ({ nonce, ...rest }) => rest }],
        'another nonce': [403, { claims: (claims) => ({ ...claims, nonce: 'EVIL' }) }],
        'no issuer': [403, { claims: ({ iss, ...rest }) => rest }],
        'another issuer': [403, { claims: (claims) => ({ ...claims, iss: 'https://evil.example' }) }],
        'no audience': [403, { claims: ({ aud, ...rest }) => rest }],
        'another audience': [403, { claims: (claims) => ({ ...claims, aud: 'somebody' }) }],
        'several audiences, no azp': [403, { claims: (claims) => ({ ...claims, aud: [claims.aud, 'api'] }) }],
        'azp of another': [403, { claims: (claims) => ({ ...claims, azp: 'api' }) }],
        'no subject': [403, { claims: ({ sub, ...rest }) => rest }],
        'subject as a number': [403, { claims: (claims) => ({ ...claims, sub: 7 }) }],
        'subject far too long': [403, { claims: (claims) => ({ ...claims, sub: 's'.repeat(256) }) }],
        expired: [403, { claims: (claims) => ({ ...claims, exp: now() - 120 }) }],
        'no expiry': [403, { claims: ({ exp, ...rest }) => rest }],
        'issued in the future': [403, { claims: (claims) => ({ ...claims, iat: now() + 600 }) }],
        'issued yesterday': [403, { claims: (claims) => ({ ...claims, iat: now() - 86400 }) }],
        'times as text': [403, { claims: (claims) => ({ ...claims, exp: String(claims.exp), iat: String(claims.iat) }) }],
        'at_hash of another token': [403, { claims: (claims) => ({ ...claims, at_hash: 'EVIL' }) }],
        'signed with another key of that name': [403, { sign: (claims) => signRs256(other, claims) }],
        'a signature cut short': [403, { sign: (claims, { key }) => signRs256(key, claims).slice(0, -8) }],
        'claims swapped under the signature': [403, {
            sign: (claims, { key }) => {
                const [header, , signature] = signRs256(key, claims).split('.');
                const payload = Buffer.from(JSON.stringify({ ...claims, sub: 'admin' })).toString('base64url');
                return `${header}.${payload}.${signature}`;
            },
        }],
        'alg none': [403, { sign: (claims) => unsigned(claims) }],
        'HS256 with the public key as PEM': [403, { sign: (claims, { key }) => signHs256(publicPem(key), claims, { kid: key.kid }) }],
        'HS256 with the public key as JWK': [403, { sign: (claims, { key }) => signHs256(JSON.stringify(key.jwk), claims, { kid: key.kid }) }],
        'HS256 with the client secret': [403, { sign: (claims, { key }) => signHs256(clientSecret, claims, { kid: key.kid }) }],
        'a key of its own in the header': [403, { sign: (claims) => signRs256(other, claims, { jwk: other.jwk, jku: 'https://evil.example/keys' }) }],
        'a critical header nobody knows': [403, { sign: (claims, { key }) => signRs256(key, claims, { crit: ['exp'], exp: 1 }) }],
        'an unknown key': [403, { sign: (claims) => signRs256(makeKey('nobody'), claims) }],
        'no token at all': [502, { token: ({ id_token, ...rest }) => rest }],
        'rubbish for a token': [403, { sign: () => 'EVIL' }],
        'an encrypted token': [403, { sign: () => 'a.b.c.d.e' }],
        'HTML for an answer': [502, { token: () => ({ raw: { body: '<h1>EVIL</h1>' } }) }],
        'JSON cut in two': [502, { token: () => ({ raw: { type: 'application/json', body: '{"id_token":"EVIL' } }) }],
        'an empty answer': [502, { token: () => ({ raw: {} }) }],
        'a connection that breaks': [504, { token: () => ({ raw: { cut: true } }) }],
        'a redirect from the token endpoint': [502, { token: () => ({ raw: { status: 302, headers: { location: 'https://evil.example' } } }) }],
        'an answer of many megabytes': [[502, 504], { token: () => ({ raw: { type: 'application/json', body: `"${'x'.repeat(4 << 20)}"` } }) }],
        'no credit for our secret': [500, { token: () => ({ raw: { status: 401, type: 'application/json', body: '{"error":"invalid_client"}' } }) }],
        'a broken server': [503, { token: () => ({ raw: { status: 500, body: 'EVIL' } }) }],
        'an e-mail address nobody verified': [403, {
            claims: ({ email, ...rest }) => rest,
            userinfo: (claims) => ({ ...claims, email_verified: false }),
        }],
        'userinfo about somebody else': [403, {
            claims: ({ email, ...rest }) => rest,
            userinfo: (claims) => ({ ...claims, sub: 'somebody' }),
        }],
        'userinfo in HTML': [502, {
            claims: ({ email, ...rest }) => rest,
            userinfo: () => ({ raw: { body: '<h1>EVIL</h1>' } }),
        }],
        'an identifier that is somebody else\'s': [403, { claims: (claims) => ({ ...claims, sub: 'mallory' }) }],
        'access_denied': [403, { authorize: ({ state }) => ({ state, error: 'access_denied', error_description: 'EVIL<script>alert(1)</script>' }) }],
        'server_error': [503, { authorize: ({ state }) => ({ state, error: 'server_error' }) }],
        'invalid_scope': [500, { authorize: ({ state }) => ({ state, error: 'invalid_scope', error_uri: 'https://evil.example' }) }],
        'an error of its own making': [502, { authorize: ({ state }) => ({ state, error: '<script>alert(1)</script>' }) }],
        'a code and an error': [403, { authorize: (parameters) => ({ ...parameters, error: 'access_denied' }) }],
        'no code': [403, { authorize: ({ state }) => ({ state }) }],
        'no state': [409, { authorize: ({ code }) => ({ code }) }],
        'another state': [409, { authorize: ({ code }) => ({ code, state: 'EVIL' }) }],
        'a code it never gave': [409, { authorize: (parameters) => ({ ...parameters, code: 'EVIL' }) }],
        'the iss of another provider': [403, { authorize: (parameters) => ({ ...parameters, iss: 'https://evil.example' }) }],
    };
    for (const [name, [expected, behaviour]] of Object.entries(lies)) {
        test(name, async () => {
            provider.behave(behaviour);
            const browser = new Browser();
            const answer = await browser.request(await comeBack(browser, stack));
            assertPlainPage(answer, [expected].flat().includes(answer.status) ? answer.status : [expected].flat()[0]);
            await assertNotSignedIn(browser, stack);
            const kept = /state/.test(name) ? 1 : 0; // an answer without our state spends no attempt
            assert.equal(attemptCookies(browser, stack).length, kept);
            provider.behave();
        });
    }

    test('about nothing for a long time', async () => {
        provider.behave({ token: (answer) => ({ raw: { delayMs: 15000, type: 'application/json', body: JSON.stringify(answer) } }) });
        const browser = new Browser();
        const callback = await comeBack(browser, stack);
        const started = Date.now();
        const slow = browser.request(callback);
        assert.equal((await fetch(`${stack.url}/healthz`)).status, 200, 'nobody else waits');
        assertPlainPage(await slow, 504);
        assert.ok(Date.now() - started < 14000);
        await assertNotSignedIn(browser, stack);
        provider.behave();
    });

    test('what is allowed: more audiences with azp, our iss, parameters of its own', async () => {
        provider.behave({
            claims: (claims) => ({ ...claims, aud: ['api', claims.aud], azp: claims.aud, groups: ['x'] }),
            authorize: (parameters) => ({ ...parameters, iss: provider.issuer, session_state: 'x.y' }),
        });
        const browser = new Browser();
        assert.equal((await browser.request(await comeBack(browser, stack))).status, 303);
        await assertSignedIn(browser, stack, 'grace@example.com');
        provider.behave();
    });

    test('what is allowed: the e-mail address only in userinfo', async () => {
        provider.behave({ claims: ({ email, email_verified, name, ...rest }) => rest });
        const browser = new Browser();
        assert.equal((await browser.request(await comeBack(browser, stack))).status, 303);
        await assertSignedIn(browser, stack, 'grace@example.com');
        provider.behave();
    });

    test('new keys work after one fetch, unknown ones do not make us hammer', async () => {
        await sleep(Math.max(0, provider.seen.keysAt + 5500 - Date.now()));
        provider.rotate();
        const first = provider.seen.keys;
        for (let i = 0; i < 3; i++) {
            const browser = new Browser();
            assert.equal((await browser.request(await comeBack(browser, stack))).status, 303);
        }
        assert.equal(provider.seen.keys, first + 1);
        await sleep(Math.max(0, provider.seen.keysAt + 5500 - Date.now()));
        provider.behave({ sign: (claims) => signRs256(makeKey('nobody'), claims) });
        const begun = Date.now();
        for (let i = 0; i < 5; i++) {
            const browser = new Browser();
            assertPlainPage(await browser.request(await comeBack(browser, stack)), 403);
        }
        // Once in five seconds at the most, however long five sign-ins take here.
        const fetches = provider.seen.keys - first - 1;
        assert.ok(fetches >= 1 && fetches <= 1 + Math.floor((Date.now() - begun) / 5000), `${fetches} fetches`);
        provider.behave();
    });
});

describe('a browser', () => {
    let provider;
    let stack;
    before(async () => {
        provider = await startLyingProvider({ clientId, clientSecret });
        stack = await startStack({
            env: {
                OIDC_ISSUER: provider.issuer, OIDC_CLIENT_ID: clientId, OIDC_CLIENT_SECRET: clientSecret,
                GATEHOUSE_RETURN_ORIGINS: 'https://app.example.com',
            },
        });
    });
    after(async () => {
        await stack?.stop();
        await provider?.stop();
    });

    test('that is new sees a page with one button', async () => {
        const browser = new Browser();
        const welcome = await browser.follow(`${stack.url}/`);
        assert.equal(welcome.status, 200, welcome.text);
        assert.equal(welcome.url, `${stack.url}/signin`);
        assert.match(welcome.text, /href="\/signin\?go=1"/);
    });

    test('is asked for a code with PKCE, state and nonce, and keeps them sealed', async () => {
        const browser = new Browser();
        const start = await browser.request(`${stack.url}/signin?go=1`);
        const asked = new URL(start.location);
        assert.equal(`${asked.origin}${asked.pathname}`, `${provider.issuer}/authorize`);
        assert.equal(asked.searchParams.get('response_type'), 'code');
        assert.equal(asked.searchParams.get('client_id'), clientId);
        assert.equal(asked.searchParams.get('redirect_uri'), `${stack.url}/signin/callback`);
        assert.equal(asked.searchParams.get('code_challenge_method'), 'S256');
        for (const name of ['state', 'nonce', 'code_challenge']) assert.match(asked.searchParams.get(name), /^[\w-]{43}$/);
        const [line] = start.headers.getSetCookie();
        assert.match(line, /^gatehouse-signin-[0-9a-f]{16}=[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/);
        assert.ok(!line.includes(asked.searchParams.get('nonce')));
    });

    test('gets a session cookie that scripts cannot read', async () => {
        const browser = new Browser();
        const welcome = await browser.request(await comeBack(browser, stack));
        const line = welcome.headers.getSetCookie().find((cookie) => cookie.startsWith(`${session}=`));
        assert.match(line, /^gatehouse-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    });

    test('that did not begin cannot finish', async () => {
        const [ann, bob] = [new Browser(), new Browser()];
        const callback = await comeBack(ann, stack);
        assertPlainPage(await bob.request(callback), 409);
        await assertNotSignedIn(bob, stack);
        await comeBack(bob, stack);
        assertPlainPage(await bob.request(callback), 409);
        await assertNotSignedIn(bob, stack);
        assert.equal((await ann.request(callback)).status, 303);
    });

    test('cannot finish twice', async () => {
        const browser = new Browser();
        const callback = await comeBack(browser, stack);
        assert.equal((await browser.request(callback)).status, 303);
        assertPlainPage(await browser.request(callback), 409);
        await assertSignedIn(browser, stack, 'grace@example.com');
    });

    test('cannot spend a code twice, even with its cookie kept', async () => {
        const browser = new Browser();
        const callback = await comeBack(browser, stack);
        const kept = [...browser.jar(stack.url)];
        assert.equal((await browser.request(callback)).status, 303);
        const thief = new Browser();
        for (const [name, value] of kept) thief.jar(stack.url).set(name, value);
        assertPlainPage(await thief.request(callback), 409);
        await assertNotSignedIn(thief, stack);
    });

    test('finishes several tabs in any order', async () => {
        const browser = new Browser();
        const callbacks = [];
        for (const path of ['/one', '/two', '/three']) callbacks.push([path, await comeBack(browser, stack, path)]);
        for (const [path, callback] of callbacks.reverse()) {
            assert.equal((await browser.request(callback)).location, `${stack.url}${path}`);
        }
        assert.deepEqual(attemptCookies(browser, stack), []);
    });

    test('is not filled up with attempts', async () => {
        const browser = new Browser();
        for (let i = 0; i < 12; i++) await browser.request(`${stack.url}/signin?go=1`);
        assert.ok(attemptCookies(browser, stack).length <= 8);
        const long = `/${'a'.repeat(2000)}`;
        for (let i = 0; i < 6; i++) {
            const start = await browser.request(`${stack.url}/signin?return_to=${long}`);
            assert.equal(start.status, 303, start.text);
        }
        const bytes = [...browser.jar(stack.url)].map(([name, value]) => name.length + value.length + 3);
        assert.ok(bytes.reduce((sum, next) => sum + next, 0) < 7000);
        assert.equal((await browser.request(await comeBack(browser, stack, long))).location, `${stack.url}${long}`);
    });

    test('gets a new session at every sign-in; one slipped in before is worth nothing', async () => {
        const browser = new Browser();
        browser.jar(stack.url).set(session, 'A'.repeat(43));
        await browser.request(await comeBack(browser, stack));
        const first = browser.jar(stack.url).get(session);
        assert.notEqual(first, 'A'.repeat(43));
        const parallel = new Browser();
        const callback = await comeBack(parallel, stack);
        parallel.jar(stack.url).set(session, first);
        await parallel.request(callback);
        const second = parallel.jar(stack.url).get(session);
        assert.notEqual(second, first);
        await assertSignedIn(parallel, stack, 'grace@example.com');
        assert.equal((await me(browser, stack)).status, 401, 'the session before has ended');
    });

    test('that is signed in goes straight on', async () => {
        const browser = new Browser();
        await browser.request(await comeBack(browser, stack));
        assert.equal((await browser.request(`${stack.url}/signin?return_to=/connectors/x`)).location, `${stack.url}/connectors/x`);
        assert.equal((await browser.request(`${stack.url}/signin`)).location, `${stack.url}/`);
        assertPlainPage(await browser.request(`${stack.url}/signin?return_to=//evil.example`), 400);
    });

    test('is never sent to another host', async () => {
        const targets = [
            '//evil.example', '///evil.example', '/\\evil.example', '\\\\evil.example', 'https://evil.example', 'https:evil.example',
            'javascript:alert(1)', `${stack.url}@evil.example/`, `${stack.url}.evil.example/`, '/%2f/evil.example', '/%5cevil.example',
            '/..//evil.example', 'https://app.example.com@evil.example/', 'https://app.example.com.evil.example/',
            'http://app.example.com/', '/\t/evil.example', ' //evil.example', '/x\r\nSet-Cookie: a=b', 'data:text/html,x',
        ];
        for (const target of targets) {
            const browser = new Browser();
            const answer = await browser.request(`${stack.url}/signin?return_to=${encodeURIComponent(target)}`);
            assert.equal(answer.status, 400, target);
            assert.equal(answer.location, null, target);
            assert.deepEqual(answer.headers.getSetCookie(), [], target);
        }
        const browser = new Browser();
        const callback = await comeBack(browser, stack, 'https://app.example.com/done?ok=1');
        assert.equal((await browser.request(callback)).location, 'https://app.example.com/done?ok=1');
    });

    test('is signed out by its provider, with a token that holds and works once', async () => {
        const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';
        const good = {
            iss: provider.issuer, aud: clientId, iat: now(), exp: now() + 120, jti: 'logout-1', sub: 'grace-1906',
            events: { [logoutEvent]: {} },
        };
        const header = { typ: 'logout+jwt' };
        const send = (form) => fetch(`${stack.url}/signin/backchannel-logout`, { method: 'POST', body: new URLSearchParams(form) });
        const browser = new Browser();
        await browser.request(await comeBack(browser, stack));
        const bad = {
            'signed by another key of that name': signRs256(makeKey(provider.key.kid), good, header),
            'signed by nobody': unsigned(good),
            'signed with what everybody knows': signHs256(publicPem(provider.key), good, { kid: provider.key.kid }),
            'an access token': signRs256(provider.key, good, { typ: 'at+jwt' }),
            'for somebody else': signRs256(provider.key, { ...good, aud: 'somebody' }, header),
            'of another provider': signRs256(provider.key, { ...good, iss: 'https://evil.example' }, header),
            'long ago': signRs256(provider.key, { ...good, iat: now() - 3600 }, header),
            'no logout': signRs256(provider.key, { ...good, events: {} }, header),
            'with a nonce': signRs256(provider.key, { ...good, nonce: 'n' }, header),
            'of nobody': signRs256(provider.key, { ...good, sub: undefined }, header),
            'without a name of its own': signRs256(provider.key, { ...good, jti: undefined }, header),
            rubbish: 'EVIL',
        };
        for (const [name, token] of Object.entries(bad)) {
            const answer = await send({ logout_token: token });
            assert.equal(answer.status, 400, name);
            assert.match(answer.headers.get('cache-control'), /no-store/);
            assert.match(answer.headers.get('content-type'), /^application\/problem\+json/);
            assert.doesNotMatch(await answer.text(), /EVIL|evil|grace/);
        }
        assert.equal((await send({})).status, 400);
        await assertSignedIn(browser, stack, 'grace@example.com');
        const token = signRs256(provider.key, good, header);
        const answer = await send({ logout_token: token, more: 'is ignored' });
        assert.equal(answer.status, 200, await answer.text());
        assert.match(answer.headers.get('cache-control'), /no-store/);
        assert.equal((await me(browser, stack)).status, 401);
        await browser.request(await comeBack(browser, stack));
        assert.equal((await send({ logout_token: token })).status, 400, 'a repeated one');
        await assertSignedIn(browser, stack, 'grace@example.com');
    });

    test('signs out only from our own page', async () => {
        const browser = new Browser();
        await browser.request(await comeBack(browser, stack));
        const { csrf_token: csrf } = JSON.parse((await me(browser, stack)).text);
        assert.equal((await browser.request(`${stack.url}/signout`)).status, 405);
        assert.equal((await browser.request(`${stack.url}/signout`, { form: {} })).status, 403);
        assert.equal((await browser.request(`${stack.url}/signout`, { form: { csrf: 'x' } })).status, 403);
        const foreign = { form: { csrf }, headers: { origin: 'https://evil.example' } };
        assert.equal((await browser.request(`${stack.url}/signout`, foreign)).status, 403);
        await assertSignedIn(browser, stack, 'grace@example.com');
        const out = await browser.request(`${stack.url}/signout`, { form: { csrf } });
        assert.equal(out.status, 303, out.text);
        const asked = new URL(out.location);
        assert.equal(`${asked.origin}${asked.pathname}`, `${provider.issuer}/logout`);
        assert.equal(asked.searchParams.get('client_id'), clientId);
        assert.equal(asked.searchParams.get('post_logout_redirect_uri'), `${stack.url}/signed-out`);
        const claims = JSON.parse(Buffer.from(asked.searchParams.get('id_token_hint').split('.')[1], 'base64url'));
        assert.equal(claims.sub, 'grace-1906');
        const done = await browser.follow(out.location);
        assert.match(done.text, /signed out/i);
        await assertNotSignedIn(browser, stack);
    });
});
