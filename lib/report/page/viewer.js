// The 3D view of the report: one WebGL canvas that shows any of the page's heads.
(() => {
  "use strict";
  const STEPS_PER_MM = 100, SIGMA_STEPS_PER_MM = 25, SIGMA_FULL_MM = 5;
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const dialog = $("viewer"), holder = $("viewer-canvas"), sliders = $("viewer-sliders");
  let model, head, stage, frame = 0;

  // ---- data ------------------------------------------------------------------------------------

  async function unpack(element) {
    const packed = Uint8Array.from(atob(element.textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const data = await new Response(stream).arrayBuffer();
    const size = new DataView(data).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, size)));
    const kinds = {
      uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array,
      uint32: Uint32Array, float32: Float32Array,
    };
    const result = { ...header.facts };
    for (const [name, entry] of Object.entries(header.arrays)) {
      result[name] = new kinds[entry.type](data, 4 + size + entry.offset, entry.length);
    }
    return result;
  }

  function picture(bytes) {
    return new Promise((resolve, reject) => {
      const image = new Image();
      image.onload = () => resolve(image);
      image.onerror = () => reject(new Error("the texture could not be decoded"));
      image.src = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
    });
  }

  // ---- scene -----------------------------------------------------------------------------------

  function makeStage() {
    const renderer = new THREE.WebGLRenderer({ antialias: true, alpha: true });
    renderer.outputEncoding = THREE.sRGBEncoding;
    renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
    holder.append(renderer.domElement);
    const scene = new THREE.Scene(), camera = new THREE.PerspectiveCamera(24, 1, 50, 5000);
    const ambient = new THREE.HemisphereLight(0xffffff, 0xb8b0a8, 1);
    const key = new THREE.DirectionalLight(0xffffff, 1), rim = new THREE.DirectionalLight(0xffffff, 1);
    key.position.set(-0.5, 0.7, 0.9);
    rim.position.set(0.9, 0.3, -0.2);
    camera.add(key, rim);
    const lamp = new THREE.DirectionalLight(0xfff4e6, 0);  // stays where it is when the head turns
    scene.add(camera, ambient, lamp);
    const geometry = new THREE.BufferGeometry();
    const n = model.vertex.length, uv = Float32Array.from(model.uv, (x) => x / 65535);
    geometry.setIndex(new THREE.BufferAttribute(model.index, 1));
    geometry.setAttribute("uv", new THREE.BufferAttribute(uv, 2));
    for (const name of ["position", "normal", "color"]) {
      geometry.setAttribute(name, new THREE.BufferAttribute(new Float32Array(3 * n), 3));
    }
    geometry.addGroup(0, model.matt, 0);
    geometry.addGroup(model.matt, model.index.length - model.matt, 1);
    const material = () => new THREE.MeshStandardMaterial({ side: THREE.DoubleSide, metalness: 0 });
    const materials = [material(), material()];
    const mesh = new THREE.Mesh(geometry, materials);
    mesh.frustumCulled = false;
    scene.add(mesh);
    return { renderer, scene, camera, geometry, materials, ambient, key, rim, lamp,
             yaw: 0.4, pitch: 0.05, distance: 900, target: new THREE.Vector3(), mode: "texture" };
  }

  function shape() {
    const moved = Float32Array.from(head.position, (x) => x / STEPS_PER_MM);
    let start = 0;
    model.moved_count.forEach((count, k) => {
      const weight = head.weights[k] / STEPS_PER_MM;
      for (let i = start; weight !== 0 && i < start + count; i++) {
        const to = 3 * model.moved_vertex[i], from = 3 * i;
        moved[to] += weight * model.moved_delta[from];
        moved[to + 1] += weight * model.moved_delta[from + 1];
        moved[to + 2] += weight * model.moved_delta[from + 2];
      }
      start += count;
    });
    const normal = normals(moved), { position, normal: shown } = stage.geometry.attributes;
    model.vertex.forEach((v, i) => {
      for (let c = 0; c < 3; c++) {
        position.array[3 * i + c] = moved[3 * v + c];
        shown.array[3 * i + c] = normal[3 * v + c];
      }
    });
    position.needsUpdate = shown.needsUpdate = true;
    return moved;
  }

  // Normals come from the unsplit mesh, so that no seam of the chart shows in the shading.
  function normals(p) {
    const normal = new Float32Array(p.length), { index, vertex } = model;
    for (let t = 0; t < index.length; t += 3) {
      const a = 3 * vertex[index[t]], b = 3 * vertex[index[t + 1]], c = 3 * vertex[index[t + 2]];
      const ux = p[b] - p[a], uy = p[b + 1] - p[a + 1], uz = p[b + 2] - p[a + 2];
      const vx = p[c] - p[a], vy = p[c + 1] - p[a + 1], vz = p[c + 2] - p[a + 2];
      const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
      for (const k of [a, b, c]) { normal[k] += x; normal[k + 1] += y; normal[k + 2] += z; }
    }
    for (let i = 0; i < normal.length; i += 3) {
      const length = Math.hypot(normal[i], normal[i + 1], normal[i + 2]) || 1;
      normal[i] /= length; normal[i + 1] /= length; normal[i + 2] /= length;
    }
    return normal;
  }

  function paintSigma() {
    const colour = stage.geometry.attributes.color;
    const stops = [[0.08, 0.25, 0.55], [0.1, 0.6, 0.62], [0.75, 0.8, 0.3], [0.9, 0.35, 0.1]];
    model.vertex.forEach((v, i) => {
      const t = Math.min(head.sigma[v] / SIGMA_STEPS_PER_MM / SIGMA_FULL_MM, 0.9999) * (stops.length - 1);
      const k = Math.floor(t), f = t - k;
      for (let c = 0; c < 3; c++) colour.array[3 * i + c] = (1 - f) * stops[k][c] + f * stops[k + 1][c];
    });
    colour.needsUpdate = true;
  }

  function setMode(mode) {
    if (mode === "relit" && !head.albedoMap) mode = "texture";
    stage.mode = mode;
    const textured = mode === "texture", relit = mode === "relit";
    stage.materials.forEach((material, i) => {
      material.map = textured ? head.map : relit ? head.albedoMap : null;
      material.vertexColors = mode === "sigma";
      material.color.set(mode === "clay" ? 0xcdc6be : 0xffffff).convertSRGBToLinear();
      material.roughness = i === 1 ? 0.25 : textured ? 0.7 : relit ? head.roughness : 0.55;
      material.needsUpdate = true;
    });
    // The texture holds the light of its photo: it is lit from all sides, with a little shape.
    stage.ambient.intensity = textured ? 0.86 : relit ? 0.16 : 0.36;
    stage.key.intensity = textured ? 0.22 : relit ? 0 : 0.68;
    stage.rim.intensity = textured ? 0.1 : relit ? 0 : 0.25;
    stage.lamp.intensity = relit ? 1.15 : 0;
    $("viewer-light").hidden = !relit;
    $("viewer-legend").hidden = mode !== "sigma";
    for (const button of dialog.querySelectorAll("[data-mode]")) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    }
    draw();
  }

  function draw() {
    if (frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      const { renderer, camera, scene, target } = stage;
      const width = holder.clientWidth, height = holder.clientHeight;
      if (!width || !height) return;
      renderer.setSize(width, height, false);
      camera.aspect = width / height;
      camera.updateProjectionMatrix();
      camera.position.set(
        Math.sin(stage.yaw) * Math.cos(stage.pitch), Math.sin(stage.pitch),
        Math.cos(stage.yaw) * Math.cos(stage.pitch)
      ).multiplyScalar(stage.distance / Math.min(1, camera.aspect)).add(target);
      camera.lookAt(target);
      renderer.render(scene, camera);
      root.dataset.triangles = renderer.info.render.triangles;
      root.dataset.ready = head.name;
    });
  }

  // ---- controls --------------------------------------------------------------------------------

  function makeSliders() {
    model.names.forEach((name, k) => {
      const label = document.createElement("label"), input = document.createElement("input");
      const text = document.createElement("span");
      text.textContent = name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
      const [min, max] = model.range;
      Object.assign(input, { type: "range", min, max, step: 0.01 });
      input.addEventListener("input", () => { head.weights[k] = +input.value; shape(); draw(); });
      label.append(text, input);
      sliders.append(label);
    });
  }

  function moveLamp() {
    const [around, height] = [...$("viewer-light").querySelectorAll("input")].map((x) => +x.value * Math.PI / 180);
    stage.lamp.position.set(
      Math.sin(around) * Math.cos(height), Math.sin(height), Math.cos(around) * Math.cos(height));
  }

  async function texture(bytes) {
    const map = new THREE.Texture(await picture(bytes));
    map.encoding = THREE.sRGBEncoding;
    map.anisotropy = stage.renderer.capabilities.getMaxAnisotropy();
    map.needsUpdate = true;
    return map;
  }

  function setWeights(weights) {
    head.weights = Float32Array.from(weights);
    sliders.querySelectorAll("input").forEach((input, k) => { input.value = head.weights[k]; });
    return shape();
  }

  function listen() {
    const canvas = stage.renderer.domElement, pointers = new Map();
    let spread = 0;
    const turn = (dx, dy) => {
      stage.yaw -= dx * 0.008;
      stage.pitch = Math.max(-1.4, Math.min(1.4, stage.pitch + dy * 0.008));
      draw();
    };
    const zoom = (factor) => {
      stage.distance = Math.max(250, Math.min(2500, stage.distance * factor));
      draw();
    };
    canvas.addEventListener("pointerdown", (e) => {
      canvas.setPointerCapture(e.pointerId);
      pointers.set(e.pointerId, e);
      spread = 0;
    });
    canvas.addEventListener("pointermove", (e) => {
      const before = pointers.get(e.pointerId);
      if (!before) return;
      pointers.set(e.pointerId, e);
      if (pointers.size === 1) return turn(e.clientX - before.clientX, e.clientY - before.clientY);
      const [a, b] = [...pointers.values()];
      const now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      if (spread) zoom(spread / now);
      spread = now;
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (e) => pointers.delete(e.pointerId));
    }
    canvas.addEventListener("wheel", (e) => { e.preventDefault(); zoom(Math.exp(e.deltaY * 0.001)); },
      { passive: false });
    holder.addEventListener("keydown", (e) => {
      const steps = { ArrowLeft: [12, 0], ArrowRight: [-12, 0], ArrowUp: [0, 12], ArrowDown: [0, -12] };
      if (steps[e.key]) { turn(...steps[e.key]); e.preventDefault(); }
      if (e.key === "+" || e.key === "-") zoom(e.key === "+" ? 0.9 : 1.1);
    });
    for (const button of dialog.querySelectorAll("[data-mode]")) {
      button.addEventListener("click", () => setMode(button.dataset.mode));
    }
    for (const input of $("viewer-light").querySelectorAll("input")) {
      input.addEventListener("input", () => { moveLamp(); draw(); });
    }
    moveLamp();
    $("viewer-fitted").addEventListener("click", () => { setWeights(head.expression); draw(); });
    $("viewer-neutral").addEventListener("click", () => {
      setWeights(head.expression.map(() => 0));
      draw();
    });
    window.addEventListener("resize", draw);
  }

  function failed(error) {
    $("viewer-message").textContent = `The 3D view cannot be shown: ${error.message || error}.`;
    $("viewer-message").hidden = false;
    root.dataset.failed = String(error.message || error);
  }

  async function open(element) {
    if (!dialog.open) dialog.showModal();
    $("viewer-title").textContent = element.dataset.name;
    $("viewer-message").hidden = true;
    try {
      model = model || await unpack($("head-model"));
      if (!stage) { stage = makeStage(); makeSliders(); listen(); }
      head = await unpack(element);
      head.name = element.dataset.name;
      head.map = await texture(head.texture);
      head.albedoMap = head.albedo ? await texture(head.albedo) : null;
      dialog.querySelector('[data-mode="relit"]').hidden = !head.albedoMap;
      const points = setWeights(head.expression), low = [1e9, 1e9, 1e9], high = [-1e9, -1e9, -1e9];
      points.forEach((x, i) => { low[i % 3] = Math.min(low[i % 3], x); high[i % 3] = Math.max(high[i % 3], x); });
      stage.target.set(...low.map((x, c) => (x + high[c]) / 2));
      stage.distance = (high[1] - low[1]) * 2.7;
      paintSigma();
      setMode(stage.mode);
      holder.focus();
    } catch (error) { failed(error); }
  }

  function openByHash() {
    const wanted = decodeURIComponent(location.hash.replace(/^#head=/, ""));
    const element = [...document.querySelectorAll("script[data-head]")]
      .find((e) => location.hash.startsWith("#head=") && e.dataset.name === wanted);
    if (element) open(element);
  }

  for (const button of document.querySelectorAll("[data-open]")) {
    button.hidden = false;
    button.addEventListener("click", () => open($(button.dataset.open)));
  }
  $("viewer-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (e) => { if (e.target === dialog) dialog.close(); });
  window.addEventListener("hashchange", openByHash);
  openByHash();
})();
