// A small OpenID provider that is honest until told to lie.
//
// startLyingProvider({ clientId, clientSecret }) → { issuer, behave(lies), rotate(), seen, stop() }
// `lies` replaces steps of the provider; each is optional:
//   discovery(document), keys(jwks)  → what to publish: an object, or { raw: { status, type, body, cut, delayMs } }
//   authorize(parameters)            → the parameters of the redirect back
//   claims(claims)                   → the ID token's claims
//   sign(claims)                     → the ID token itself
//   token(answer), userinfo(answer)  → as for discovery
import { createHash, createHmac, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import http from 'node:http';

const encode = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export function makeKey(kid) {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    return { kid, privateKey, publicKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } };
}

export function signRs256(key, claims, header = {}) {
    const input = `${encode({ alg: 'RS256', typ: 'JWT', kid: key.kid, ...header })}.${encode(claims)}`;
    return `${input}.${sign('sha256', Buffer.from(input), key.privateKey).toString('base64url')}`;
}

// The classic confusion: the public key, which everybody knows, used as the secret of an HMAC.
export function signHs256(secret, claims, header = {}) {
    const input = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(claims)}`;
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

export const publicPem = (key) => createPublicKey(key.privateKey).export({ type: 'spki', format: 'pem' });

export const unsigned = (claims) => `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`;

async function send(response, answer, status = 200) {
    const raw = answer?.raw;
    if (raw?.delayMs) await new Promise((resolve) => setTimeout(resolve, raw.delayMs).unref());
    if (response.destroyed) return;
    if (raw?.cut) {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '5000' });
        response.write('{"access_token":"');
        setTimeout(() => response.destroy(), 20);
        return;
    }
    if (raw) {
        response.writeHead(raw.status ?? 200, { 'content-type': raw.type ?? 'text/html', ...raw.headers });
        response.end(raw.body ?? '');
        return;
    }
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(answer));
}

class LyingProvider {
    constructor(clientId, clientSecret) {
        this.clientId = clientId;
        this.clientSecret = clientSecret;
        this.key = makeKey('key-1');
        this.codes = new Map();
        this.tokens = new Map();
        this.lies = {};
        this.seen = { discovery: 0, keys: 0, authorize: 0, token: 0, userinfo: 0, keysAt: 0 };
        this.person = { sub: 'grace-1906', email: 'grace@example.com', email_verified: true, name: 'Grace Hopper' };
    }

    behave(lies) {
        this.lies = lies ?? {};
    }

    rotate() {
        this.key = makeKey(`key-${randomBytes(4).toString('hex')}`);
    }

    lie(step, truth) {
        return this.lies[step] ? this.lies[step](truth, this) : truth;
    }

    discovery() {
        return {
            issuer: this.issuer,
            authorization_endpoint: `${this.issuer}/authorize`,
            token_endpoint: `${this.issuer}/token`,
            userinfo_endpoint: `${this.issuer}/userinfo`,
            jwks_uri: `${this.issuer}/keys`,
            end_session_endpoint: `${this.issuer}/logout`,
            response_types_supported: ['code'],
            subject_types_supported: ['public'],
            id_token_signing_alg_values_supported: ['RS256'],
            token_endpoint_auth_methods_supported: ['client_secret_basic'],
        };
    }

    authorize(query, response) {
        const code = randomBytes(16).toString('hex');
        this.codes.set(code, Object.fromEntries(query));
        const back = this.lie('authorize', { code, state: query.get('state') });
        const target = new URL(query.get('redirect_uri'));
        for (const [name, value] of Object.entries(back)) {
            if (value !== undefined) target.searchParams.set(name, value);
        }
        response.writeHead(303, { location: target.href }).end();
    }

    // Why the token endpoint refuses, or undefined. Held as strictly as a good provider holds it.
    refusal(request, form, attempt) {
        const basic = `${encodeURIComponent(this.clientId)}:${encodeURIComponent(this.clientSecret)}`;
        if (request.headers.authorization !== `Basic ${Buffer.from(basic).toString('base64')}`) return 'invalid_client';
        if (form.get('grant_type') !== 'authorization_code') return 'unsupported_grant_type';
        if (!attempt || attempt.redirect_uri !== form.get('redirect_uri')) return 'invalid_grant';
        const challenge = createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
        if (attempt.code_challenge_method !== 'S256' || attempt.code_challenge !== challenge) return 'invalid_grant';
        return undefined;
    }

    async token(request, form, response) {
        const attempt = this.codes.get(form.get('code'));
        this.codes.delete(form.get('code'));
        const error = this.refusal(request, form, attempt);
        if (error) {
            await send(response, { error }, error === 'invalid_client' ? 401 : 400);
            return;
        }
        const now = Math.floor(Date.now() / 1000);
        const claims = this.lie('claims', {
            iss: this.issuer, aud: this.clientId, iat: now, exp: now + 300, nonce: attempt.nonce, ...this.person,
        });
        const accessToken = randomBytes(16).toString('hex');
        this.tokens.set(accessToken, claims);
        const idToken = this.lies.sign ? this.lies.sign(claims, this) : signRs256(this.key, claims);
        await send(response, this.lie('token', {
            access_token: accessToken, token_type: 'Bearer', expires_in: 300, id_token: idToken,
        }));
    }

    async handle(request, response) {
        const url = new URL(request.url, this.issuer);
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        const form = new URLSearchParams(Buffer.concat(chunks).toString());
        const step = url.pathname === '/.well-known/openid-configuration' ? 'discovery' : url.pathname.slice(1);
        if (step in this.seen) this.seen[step]++;
        switch (step) {
        case 'discovery':
            return send(response, this.lie('discovery', this.discovery()));
        case 'keys':
            this.seen.keysAt = Date.now();
            return send(response, this.lie('keys', { keys: [this.key.jwk] }));
        case 'authorize':
            return this.authorize(url.searchParams, response);
        case 'token':
            return this.token(request, form, response);
        case 'userinfo': {
            const claims = this.tokens.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
            return send(response, this.lie('userinfo', claims ? { ...this.person } : { error: 'invalid_token' }));
        }
        case 'logout':
            response.writeHead(303, { location: url.searchParams.get('post_logout_redirect_uri') }).end();
            return undefined;
        default:
            response.writeHead(404).end();
            return undefined;
        }
    }
}

export async function startLyingProvider({ clientId, clientSecret }) {
    const provider = new LyingProvider(clientId, clientSecret);
    const server = http.createServer((request, response) => {
        provider.handle(request, response).catch((error) => {
            if (!response.headersSent) response.writeHead(500);
            response.end(String(error));
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    provider.issuer = `http://127.0.0.1:${server.address().port}`;
    provider.stop = async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
    };
    return provider;
}
