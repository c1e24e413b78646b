// A TLS front before the simulator, at one address, that can be told to fail as networks and servers do.
//
// modes: pass; refuse (nobody listens); reset (each connection is torn down); mute (accepted, never a byte); silent (the
// connections that there are and those to come are kept up, and what is sent on them is swallowed). A connection that was
// silent once stays so for ever, as one whose other end is gone. certificate: good, stranger (signed by nobody we trust),
// misnamed (for another host).
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { freePort } from '../e2e/harness.mjs';

// What gives a program names of its own; not every container allows it to everybody.
export const unshare = ['unshare', ...(process.getuid() === 0 ? ['--mount'] : ['--map-root-user', '--mount'])];
export const hasNames = spawnSync(unshare[0], [...unshare.slice(1), 'true']).status === 0;
export const HOST = hasNames ? 'scalekit.test' : 'localhost';

// Throw-away authorities and certificates below `folder`, made by openssl.
export function makeCertificates(folder) {
    mkdirSync(folder, { recursive: true });
    const at = (name) => path.join(folder, name);
    const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    for (const authority of ['ours', 'theirs']) {
        openssl('req', '-x509', ...newKey, '-keyout', at(`${authority}.key`), '-out', at(`${authority}.pem`), '-days', '2',
            '-subj', `/CN=${authority}`, '-addext', 'basicConstraints=critical,CA:TRUE');
    }
    const sign = (name, authority, host) => {
        writeFileSync(at(`${name}.ext`), `subjectAltName=DNS:${host}\n`);
        openssl('req', ...newKey, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`), '-subj', `/CN=${host}`);
        openssl('x509', '-req', '-in', at(`${name}.csr`), '-CA', at(`${authority}.pem`), '-CAkey', at(`${authority}.key`),
            '-CAcreateserial', '-days', '2', '-extfile', at(`${name}.ext`), '-out', at(`${name}.pem`));
        return tls.createSecureContext({ key: readFileSync(at(`${name}.key`)), cert: readFileSync(at(`${name}.pem`)) });
    };
    return {
        trusted: at('ours.pem'),
        contexts: { good: sign('good', 'ours', HOST), stranger: sign('stranger', 'theirs', HOST), misnamed: sign('misnamed', 'ours', 'other.test') },
    };
}

export class Front {
    constructor(contexts) {
        this.contexts = contexts;
        this.certificate = 'good';
        this.mode = 'pass';
        this.connections = new Set();
    }

    static async start(contexts) {
        const front = new Front(contexts);
        front.port = await freePort();
        await front.listen();
        return front;
    }

    listen() {
        this.server = net.createServer((socket) => this.accept(socket));
        return new Promise((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    }

    hangUp() {
        for (const connection of this.connections) connection.socket.destroy();
        this.connections.clear();
    }

    // Fail as told from now on. Silence spares the connections that are there; everything else starts anew.
    async set({ mode = 'pass', certificate = 'good' } = {}) {
        const wasRefusing = this.mode === 'refuse';
        this.mode = mode;
        this.certificate = certificate;
        if (mode === 'silent') {
            for (const connection of this.connections) connection.isSilent = true;
            return;
        }
        for (const connection of this.connections) if (!connection.isSilent) connection.socket.destroy();
        if (mode === 'refuse') await new Promise((resolve) => { this.server.close(resolve); this.hangUp(); });
        else if (wasRefusing) await this.listen();
    }

    accept(socket) {
        const connection = { socket, isSilent: this.mode === 'silent' };
        this.connections.add(connection);
        socket.on('error', () => {});
        socket.on('close', () => this.connections.delete(connection));
        if (!this.target) return socket.destroy(); // nothing is behind it yet
        if (this.mode === 'reset') return socket.resetAndDestroy();
        if (this.mode === 'mute') return undefined;
        const secure = new tls.TLSSocket(socket, { isServer: true, secureContext: this.contexts[this.certificate] });
        const behind = net.connect(this.target);
        const pass = (from, to) => {
            from.on('data', (chunk) => { if (!connection.isSilent) to.write(chunk); });
            from.on('end', () => { if (!connection.isSilent) to.end(); });
            from.on('error', () => to.destroy());
            from.on('close', () => { if (!connection.isSilent) to.destroy(); });
        };
        pass(secure, behind);
        pass(behind, secure);
        return undefined;
    }

    async stop() {
        this.hangUp();
        if (this.mode !== 'refuse') await new Promise((resolve) => this.server.close(resolve));
    }
}
