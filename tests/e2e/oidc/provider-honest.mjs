// A real OpenID provider, the certified library "oidc-provider", with one person who is always ready to sign in.
//
// startHonestProvider() → { issuer, serve({ portal, clientId, clientSecret, auth }), stop() }
// The portal's address is only known once it runs, and the portal wants the issuer first: hence two steps.
import http from 'node:http';
import Provider from 'oidc-provider';

export const person = {
    sub: 'ada-1815',
    email: 'ada@example.com',
    email_verified: true,
    name: 'Ada Lovelace',
};

function configure({ portal, clientId, clientSecret, auth }) {
    return {
        clients: [{
            client_id: clientId,
            ...(auth === 'none' ? {} : { client_secret: clientSecret }),
            token_endpoint_auth_method: auth,
            redirect_uris: [`${portal}/signin/callback`],
            post_logout_redirect_uris: [`${portal}/signed-out`],
            backchannel_logout_uri: `${portal}/signin/backchannel-logout`,
            backchannel_logout_session_required: true,
        }],
        clientAuthMethods: [auth],
        claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
        features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
        interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
        findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ ...person, sub: id }) }),
        cookies: { keys: ['a key of the test'] },
        pkce: { required: () => true },
        ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
    };
}

// Sign the person in and grant what was asked for, without showing anything.
async function interact(provider, request, response) {
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === 'login') {
        await provider.interactionFinished(request, response, { login: { accountId: person.sub } });
        return;
    }
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

export async function startHonestProvider() {
    let provider;
    let handle;
    const server = http.createServer((request, response) => {
        if (request.url.startsWith('/interaction/')) {
            interact(provider, request, response).catch((error) => response.writeHead(500).end(String(error)));
        } else {
            handle(request, response);
        }
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const issuer = `http://127.0.0.1:${server.address().port}`;
    return {
        issuer,
        serve(options) {
            provider = new Provider(issuer, configure({ auth: 'client_secret_basic', ...options }));
            handle = provider.callback();
        },
        async stop() {
            server.closeAllConnections();
            await new Promise((resolve) => server.close(resolve));
        },
    };
}
