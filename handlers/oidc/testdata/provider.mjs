// An OpenID provider on a free port of this machine, with one client and accounts named
// by their e-mail address. Arguments: the client's redirect address and its secret. It
// prints its issuer, and ends when its input does.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [redirect, secret] = process.argv.slice(2);
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: "oore", client_secret: secret, redirect_uris: [redirect], response_types: ["code"], grant_types: ["authorization_code"] }],
    pkce: { required: () => true },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: id, email_verified: !id.startsWith("unverified"), name: id.split("@")[0], preferred_username: id.split("@")[0] }),
    }),
    cookies: { keys: ["keys-of-a-test"] },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
