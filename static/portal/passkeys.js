// Makes passkeys and uses them. A form says what it wants in data-passkey: "create", "use", or "sign-in".
"use strict";

(() => {
  const WORDS = {
    NotAllowedError: "Your device gave no passkey. Try again, or choose another way.",
    InvalidStateError: "This device has a passkey for you already.",
    SecurityError: `Passkeys work only where the portal has a name and https, not at ${location.origin}.`,
  };

  const optionsInPage = () => JSON.parse(document.getElementById("passkey-options").textContent);

  const askServer = async (address) => {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  };

  const create = ({ creation_options: options }) => {
    options.publicKey.authenticatorSelection = {
      ...options.publicKey.authenticatorSelection,
      residentKey: "required",
      requireResidentKey: true,
      userVerification: "required",
    };
    return webauthnJSON.create(options);
  };

  const use = ({ request_options: options }) => webauthnJSON.get(options);

  const ceremony = async (form) => {
    if (!window.PublicKeyCredential) throw new DOMException("", "SecurityError");
    switch (form.dataset.passkey) {
      case "create": return create(optionsInPage());
      case "use": return use(optionsInPage());
      default: return use(await askServer(form.action));
    }
  };

  const ask = async (form) => {
    const problem = form.querySelector("[data-passkey-problem]");
    const button = form.querySelector("button");
    problem.hidden = true;
    button.disabled = true;
    try {
      form.elements.credential.value = JSON.stringify(await ceremony(form));
      form.submit();
    } catch (error) {
      problem.textContent = WORDS[error.name] ?? "That didn't work. Try again in a while.";
      problem.hidden = false;
    } finally {
      button.disabled = false;
    }
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.passkey) return;
    event.preventDefault();
    ask(form);
  });
})();
