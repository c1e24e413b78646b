// The .proto files in src/web/grpc/proto/ against the descriptors inside the official SDK, message by message and field by
// field. They hold fewer messages and fields than those, and what they hold is the same on the wire.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createFileRegistry, fromBinary, ScalarType } from '@bufbuild/protobuf';
import { AnySchema, BoolValueSchema, FileDescriptorSetSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { source } from './harness.mjs';

const require = createRequire(import.meta.url);
const load = (name) => require(`@scalekit-sdk/node/lib/pkg/grpc/scalekit/v1/${name}_pb.js`);
const protos = path.join(source, 'src/web/grpc/proto');
const STRUCT = 'google.protobuf.Struct';

// Everything the official side has, by full name.
const official = new Map();
const addMessage = (message) => {
    if (official.has(message.typeName)) return;
    official.set(message.typeName, message);
    for (const field of message.fields) {
        if (field.message) addMessage(field.message);
        if (field.enum) official.set(field.enum.typeName, field.enum);
    }
};
const modules = ['connections/connections', 'connected_accounts/connected_accounts', 'tools/tools', 'errdetails/errdetails'].map(load);
for (const value of modules.flatMap((module) => Object.values(module))) {
    if (value?.kind === 'message') addMessage(value);
    if (value?.kind === 'enum' || value?.kind === 'service') official.set(value.typeName, value);
}
[AnySchema, BoolValueSchema, TimestampSchema].forEach(addMessage);

const isStruct = (field) => field.message?.typeName === STRUCT;
// A field as far as the wire goes. The one liberty taken is a Struct that is read as bytes.
const describeField = (field) => ({
    number: field.number,
    name: field.name,
    list: field.fieldKind === 'list',
    oneof: field.oneof?.name,
    type: isStruct(field) ? 'BYTES' : field.message?.typeName ?? field.enum?.typeName ?? ScalarType[field.scalar],
});

describe('our .proto files', () => {
    let ours;
    let folder;
    before(() => {
        folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-proto-'));
        const files = readdirSync(protos).filter((name) => name.endsWith('.proto'));
        const set = path.join(folder, 'set');
        execFileSync('protoc-c', [`--proto_path=${protos}`, `--descriptor_set_out=${set}`, '--include_imports', ...files]);
        ours = [...createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(set)))];
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    const each = (kind, check) => {
        const wrong = [];
        for (const type of ours.filter((candidate) => candidate.kind === kind)) {
            try {
                // google.rpc.Status is not in the package; the SDK's gRPC library has it built in.
                if (type.typeName === 'google.rpc.Status') continue;
                const theirs = official.get(type.typeName);
                assert.ok(theirs, 'is not official');
                check(type, theirs);
            } catch (error) {
                wrong.push(`${type.typeName}: ${error.message}`);
            }
        }
        assert.deepEqual(wrong, []);
    };

    it('have only official messages, with official fields', () => {
        each('message', (type, theirs) => {
            for (const field of type.fields) {
                const same = theirs.fields.find(({ number }) => number === field.number);
                assert.ok(same, `${field.name} is not official`);
                assert.deepEqual(describeField(field), describeField(same));
                const marked = new RegExp(`bytes ${field.name} = ${field.number};\\s+// ${STRUCT.replaceAll('.', '\\.')}`);
                const text = readFileSync(path.join(protos, `${type.file.name}.proto`), 'utf8');
                assert.equal(marked.test(text), isStruct(same), `${field.name} is (not) marked as a Struct`);
            }
        });
    });

    it('have every field of a request and of what is in it, so that none is passed over in silence', () => {
        const compare = (message, what) => {
            const theirs = official.get(message.typeName);
            assert.deepEqual(message.fields.map(({ name }) => name), theirs.fields.map(({ name }) => name), what);
            for (const field of message.fields) if (field.message) compare(field.message, `${what}.${field.name}`);
        };
        each('service', (service) => {
            for (const method of service.methods) compare(method.input, method.name);
        });
    });

    it('have every value of their enums', () => {
        each('enum', (type, theirs) => {
            assert.deepEqual(type.values.map(({ name, number }) => [name, number]), theirs.values.map(({ name, number }) => [name, number]));
        });
    });

    it('have only official calls, with official messages', () => {
        each('service', (service, theirs) => {
            for (const method of service.methods) {
                const same = theirs.methods.find(({ name }) => name === method.name);
                assert.ok(same, `${method.name} is not official`);
                assert.equal(method.methodKind, same.methodKind);
                assert.equal(method.input.typeName, same.input.typeName);
                assert.equal(method.output.typeName, same.output.typeName);
            }
        });
    });

    it('have the calls that the route table has, and no other', () => {
        const routes = [...readFileSync(path.join(source, 'src/web/routes.c'), 'utf8')
            .matchAll(/\{"POST",\s+"\/(scalekit\.v1\.[\w.]+\/\w+)"/g)].map(([, name]) => name);
        const calls = ours.filter(({ kind }) => kind === 'service')
            .flatMap((service) => service.methods.map(({ name }) => `${service.typeName}/${name}`));
        assert.deepEqual(routes.sort(), calls.sort());
    });

    it('would notice a field of another type, or one that is not official', () => {
        const request = ours.find(({ typeName }) => typeName === 'scalekit.v1.tools.ExecuteToolRequest');
        const [name] = request.fields;
        assert.notDeepEqual(describeField(name), describeField(official.get(request.typeName).fields[2]));
        assert.equal(describeField(request.fields[2]).type, 'BYTES');
    });
});
